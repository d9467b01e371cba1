//! What a compilation can be told.

use std::collections::BTreeMap;

/// Version of MSL that a source is compiled as; decides `__METAL_VERSION__` and what is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum LanguageVersion {
    /// 2.3
    Metal2_3,
    /// 2.4
    Metal2_4,
    /// 3.0
    Metal3_0,
    /// 3.1: `bfloat`.
    Metal3_1,
    /// 3.2
    #[default]
    Metal3_2,
    /// 4.0: C++17.
    Metal4_0,
}

impl LanguageVersion {
    /// The value of `__METAL_VERSION__`: 310 for 3.1.
    pub fn number(self) -> u32 {
        match self {
            LanguageVersion::Metal2_3 => 230,
            LanguageVersion::Metal2_4 => 240,
            LanguageVersion::Metal3_0 => 300,
            LanguageVersion::Metal3_1 => 310,
            LanguageVersion::Metal3_2 => 320,
            LanguageVersion::Metal4_0 => 400,
        }
    }
}

/// Options of one compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// As `MTLCompileOptions.languageVersion`.
    pub language_version: LanguageVersion,
    /// As `MTLCompileOptions.fastMathEnabled`: unqualified math functions mean `metal::fast`.
    pub fast_math: bool,
    /// As `MTLCompileOptions.preprocessorMacros`: name to body.
    pub defines: BTreeMap<String, String>,
    /// Files that `#include "name"` finds: name to text. There is no other include path.
    pub includes: BTreeMap<String, String>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            language_version: LanguageVersion::default(),
            fast_math: true,
            defines: BTreeMap::new(),
            includes: BTreeMap::new(),
        }
    }
}

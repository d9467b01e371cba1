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
    /// The newest one.
    pub const NEWEST: LanguageVersion = LanguageVersion::Metal4_0;

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

/// `3.1`
impl std::fmt::Display for LanguageVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}.{}", self.number() / 100, self.number() / 10 % 10))
    }
}

/// How much the IR of a module is worked on before it is handed out ([`ir::passes`](crate::ir::passes)).
///
/// Every level comes to the same results, bit for bit, and to the same traps; what differs is how many instructions a
/// run takes, and how long the compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum OptimizationLevel {
    /// The IR as lowering makes it. Variables are promoted to values at this level too, because that is what decides
    /// how an index past the end of a vector traps.
    None,
    /// Small functions, and those called once, become part of their callers; what is known is folded; what is computed
    /// twice, in every iteration or for nobody is not.
    #[default]
    Default,
    /// As `Default`, but larger functions become part of their callers too, invariants leave branches of loops as well as
    /// loops, and the passes are repeated until they find nothing more, up to four times.
    Full,
}

impl OptimizationLevel {
    /// All levels, from the least work to the most.
    pub const ALL: [OptimizationLevel; 3] =
        [OptimizationLevel::None, OptimizationLevel::Default, OptimizationLevel::Full];

    /// `none`, `default` or `full`.
    pub fn name(self) -> &'static str {
        match self {
            OptimizationLevel::None => "none",
            OptimizationLevel::Default => "default",
            OptimizationLevel::Full => "full",
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
    /// How much the IR is worked on.
    pub optimization_level: OptimizationLevel,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            language_version: LanguageVersion::default(),
            fast_math: true,
            defines: BTreeMap::new(),
            includes: BTreeMap::new(),
            optimization_level: OptimizationLevel::default(),
        }
    }
}

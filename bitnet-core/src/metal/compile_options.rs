//! Options of one compilation.

use std::collections::BTreeMap;

use bitnet_msl::{LanguageVersion, OptimizationLevel};

/// How a source is compiled: `MTLCompileOptions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileOptions {
    /// The version of the language; decides `__METAL_VERSION__` and what is available. On a system that has none so new,
    /// the newest that it has ([`DeviceLimits::language_version`](crate::metal::DeviceLimits::language_version)).
    pub language_version: LanguageVersion,
    /// Whether unqualified math functions mean those of `metal::fast`, arithmetic may be reassociated, and NaN and
    /// infinity may be taken to be impossible. The built-in shaders are compiled without it whatever is asked for; their
    /// copies in a directory are as any other.
    pub fast_math: bool,
    /// Macros that are defined before the first line.
    pub defines: Defines,
    /// Files that `#include "name"` finds, name to text. There is no other include path.
    pub includes: BTreeMap<String, String>,
    /// How much the code is worked on before it runs, which changes no result.
    pub optimization_level: OptimizationLevel,
    /// Source places in the traps of the shader.
    pub debug_info: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        bitnet_msl::CompileOptions::default().into()
    }
}

impl From<bitnet_msl::CompileOptions> for CompileOptions {
    fn from(options: bitnet_msl::CompileOptions) -> Self {
        let bitnet_msl::CompileOptions { language_version, fast_math, defines, includes, optimization_level } =
            options;
        let defines = Defines(defines);
        Self { language_version, fast_math, defines, includes, optimization_level, debug_info: true }
    }
}

/// What the front end takes of them; it always gives source places, which may be dropped from its modules.
impl From<CompileOptions> for bitnet_msl::CompileOptions {
    fn from(options: CompileOptions) -> Self {
        let CompileOptions {
            language_version,
            fast_math,
            defines,
            includes,
            optimization_level,
            debug_info: _,
        } = options;
        Self { language_version, fast_math, defines: defines.0, includes, optimization_level }
    }
}

/// Macros, name to body. Made from pairs of anything that becomes a `String`:
///
/// ```
/// # use bitnet_core::metal::Defines;
/// let defines: Defines = [("TILE", "32"), ("CUSTOM_DEFINE", "1")].into();
/// assert_eq!(defines.get("TILE"), Some("32"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defines(BTreeMap<String, String>);

impl Defines {
    /// No macros.
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines a macro and returns the body that it had before, if it had one.
    pub fn insert(&mut self, name: impl Into<String>, body: impl Into<String>) -> Option<String> {
        self.0.insert(name.into(), body.into())
    }

    /// The body of a macro.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and bodies, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, body)| (name.as_str(), body.as_str()))
    }

    /// Whether no macro is defined.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Defines {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, body)| (name.into(), body.into())).collect())
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Defines {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

//! What is defined before the first line: versions, constants of the standard library, the options' macros.

use super::Preprocessor;
use super::macros::{Builtin, Macro, MacroKind};
use crate::diag::Code;
use crate::lex::{RawKind, lex_fragment};
use crate::options::LanguageVersion;
use crate::source::Span;

/// The header that declares what nobody has without it.
pub(super) const LOGGING_HEADER: &str = "metal_logging";

/// Headers of the standard library. It is built in, so including them adds nothing, but for [`LOGGING_HEADER`].
const STANDARD_HEADERS: &[&str] = &[
    "metal_stdlib",
    "metal_array",
    "metal_assert",
    "metal_atomic",
    "metal_common",
    "metal_compute",
    "metal_config",
    "metal_geometric",
    "metal_integer",
    "metal_limits",
    LOGGING_HEADER,
    "metal_math",
    "metal_matrix",
    "metal_numeric",
    "metal_pack",
    "metal_quadgroup",
    "metal_relational",
    "metal_simdgroup",
    "metal_simdgroup_matrix",
    "metal_type_traits",
    "metal_types",
    "metal_uniform",
];

/// Whether `#include` of this name reads no file because the header is built in.
pub(super) fn is_standard_header(name: &str) -> bool {
    STANDARD_HEADERS.contains(&name) || name.starts_with("simd/") && name.ends_with(".h")
}

/// Macros of the standard library and their bodies. `__bitnet_inf` and `__bitnet_nan` are constants of the
/// table of built-ins, since no literal spells them.
const CONSTANTS: &[(&str, &str)] = &[
    ("METAL_FUNC", "inline"),
    ("INFINITY", "__bitnet_inf"),
    ("HUGE_VALF", "__bitnet_inf"),
    ("NAN", "__bitnet_nan"),
    ("MAXFLOAT", "0x1.fffffep127f"),
    ("FLT_MAX", "0x1.fffffep127f"),
    ("FLT_MIN", "0x1.0p-126f"),
    ("FLT_EPSILON", "0x1.0p-23f"),
    ("FLT_DIG", "6"),
    ("FLT_MANT_DIG", "24"),
    ("FLT_MAX_EXP", "128"),
    ("FLT_MIN_EXP", "(-125)"),
    ("FLT_RADIX", "2"),
    ("FLT_MAX_10_EXP", "38"),
    ("FLT_MIN_10_EXP", "(-37)"),
    ("MAXHALF", "0x1.ffcp15h"),
    ("HALF_MAX", "0x1.ffcp15h"),
    ("HALF_MIN", "0x1.0p-14h"),
    ("HALF_EPSILON", "0x1.0p-10h"),
    ("HALF_DIG", "3"),
    ("HALF_MANT_DIG", "11"),
    ("HALF_MAX_EXP", "16"),
    ("HALF_MIN_EXP", "(-13)"),
    ("HALF_MAX_10_EXP", "4"),
    ("HALF_MIN_10_EXP", "(-4)"),
    ("HALF_RADIX", "2"),
    ("HUGE_VALH", "half(__bitnet_inf)"),
    ("CHAR_BIT", "8"),
    ("CHAR_MAX", "127"),
    ("CHAR_MIN", "(-128)"),
    ("SCHAR_MAX", "127"),
    ("SCHAR_MIN", "(-128)"),
    ("UCHAR_MAX", "255"),
    ("SHRT_MAX", "32767"),
    ("SHRT_MIN", "(-32768)"),
    ("USHRT_MAX", "65535"),
    ("INT_MAX", "2147483647"),
    ("INT_MIN", "(-2147483647 - 1)"),
    ("UINT_MAX", "4294967295u"),
    ("LONG_MAX", "9223372036854775807l"),
    ("LONG_MIN", "(-9223372036854775807l - 1l)"),
    ("ULONG_MAX", "18446744073709551615ul"),
];

/// The constants that exist for float, half and bfloat, as `M_PI_F`, `M_PI_H` and `M_PI_BF` (MSL 6.5).
const MATH_CONSTANTS: &[(&str, &str)] = &[
    ("M_E", "2.71828182845904523536028747135266250"),
    ("M_LOG2E", "1.44269504088896340735992468100189214"),
    ("M_LOG10E", "0.434294481903251827651128918916605082"),
    ("M_LN2", "0.693147180559945309417232121458176568"),
    ("M_LN10", "2.30258509299404568401799145468436421"),
    ("M_PI", "3.14159265358979323846264338327950288"),
    ("M_PI_2", "1.57079632679489661923132169163975144"),
    ("M_PI_4", "0.785398163397448309615660845819875721"),
    ("M_1_PI", "0.318309886183790671537767526745028724"),
    ("M_2_PI", "0.636619772367581343075535053490057448"),
    ("M_2_SQRTPI", "1.12837916709551257389615890312154517"),
    ("M_SQRT2", "1.41421356237309504880168872420969808"),
    ("M_SQRT1_2", "0.707106781186547524400844362104849039"),
];

const BUILTINS: &[(&str, Builtin)] = &[
    ("__LINE__", Builtin::Line),
    ("__FILE__", Builtin::File),
    ("__COUNTER__", Builtin::Counter),
    ("__has_include", Builtin::HasInclude),
    ("__has_feature", Builtin::FeatureTest),
    ("__has_extension", Builtin::FeatureTest),
    ("__has_builtin", Builtin::FeatureTest),
    ("__has_attribute", Builtin::FeatureTest),
    ("__has_cpp_attribute", Builtin::FeatureTest),
];

impl Preprocessor<'_> {
    /// Defines everything that is there before the first line. The options' macros come last and may replace ours.
    pub(super) fn define_predefined(&mut self) {
        let version = self.options.language_version;
        let has_bfloat = version >= LanguageVersion::Metal3_1;
        let cplusplus = if version >= LanguageVersion::Metal4_0 { "201703L" } else { "201402L" };
        self.define_text("__METAL__", "1");
        self.define_text("__METAL_MACOS__", "1");
        self.define_text("__METAL_VERSION__", &version.number().to_string());
        self.define_text("__cplusplus", cplusplus);
        if self.options.fast_math {
            self.define_text("__FAST_MATH__", "1");
        }
        if has_bfloat {
            self.define_text("__HAVE_BFLOAT__", "1");
        }
        for (name, body) in CONSTANTS {
            self.define_text(name, body);
        }
        for (name, digits) in MATH_CONSTANTS {
            self.define_text(&format!("{name}_F"), &format!("{digits}f"));
            self.define_text(&format!("{name}_H"), &format!("{digits}h"));
            if has_bfloat {
                self.define_text(&format!("{name}_BF"), &format!("{digits}bf"));
            }
        }
        for (name, builtin) in BUILTINS {
            let name = self.names.intern(name);
            self.macros.insert(Macro { name, span: None, kind: MacroKind::Builtin(*builtin) });
        }
        self.define_options();
    }

    /// The macros that the options define.
    fn define_options(&mut self) {
        let options = self.options;
        let nowhere = Span::new(self.main, 0, 0);
        for (name, body) in &options.defines {
            let tokens = lex_fragment(name, nowhere, &mut self.names);
            let valid = match tokens.as_slice() {
                [one] => one.kind == RawKind::Ident && self.text(one) == name && self.macro_name(one).is_ok(),
                _ => false,
            };
            if valid {
                self.define_text(name, body);
            } else {
                let message = format!("the options define {name:?}, which cannot be the name of a macro");
                self.report(Code::E0112, nowhere, message);
            }
        }
    }

    fn define_text(&mut self, name: &str, body: &str) {
        let body = lex_fragment(body, Span::new(self.main, 0, 0), &mut self.names);
        self.spend(body.len(), Span::new(self.main, 0, 0));
        let name = self.names.intern(name);
        self.predefine(name, body);
    }
}

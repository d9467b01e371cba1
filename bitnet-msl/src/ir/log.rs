//! Messages that a program logs (`os_log`): level, logger and format.
//!
//! **Invariant:** what a conversion prints is said by the type of its argument: lowering has widened, narrowed
//! and changed the sign of arguments as their conversions' length modifiers ask.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ConversionKind, LogLevel, LoggerId, Scalar, Type};

/// Greatest width and precision of a conversion.
pub const MAX_CONVERSION_WIDTH: u16 = 1024;

/// What one call of a logger's method prints, but for the values of its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// How grave it is.
    pub level: LogLevel,
    /// Who says it; `None` for `os_log_default`.
    pub logger: Option<LoggerId>,
    /// What it says, in order.
    pub format: Vec<FormatPiece>,
}

/// `constant os_log name("subsystem", "category");`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Logger {
    /// The part of the program: a reversed domain name, by custom.
    pub subsystem: String,
    /// The area within the subsystem.
    pub category: String,
}

/// A part of a message's format.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FormatPiece {
    /// Printed as it is.
    Text(String),
    /// Prints the next argument.
    Value(Conversion),
}

/// How an argument is printed: a conversion specification of C's `printf` without its length modifier.
///
/// An argument with several components is printed component by component, with commas between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conversion {
    /// The letter.
    pub kind: ConversionKind,
    /// `-`, `+`, space, `#`, `0`.
    pub flags: ConversionFlags,
    /// Least number of characters; at most [`MAX_CONVERSION_WIDTH`].
    pub width: u16,
    /// Digits; at most [`MAX_CONVERSION_WIDTH`].
    pub precision: Option<u16>,
}

/// Flags of a [`Conversion`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConversionFlags {
    /// `-`: blanks go to the right.
    pub left: bool,
    /// `+`: numbers that are not negative get a plus.
    pub plus: bool,
    /// ` `: numbers that are not negative get a blank.
    pub space: bool,
    /// `#`: the alternate form.
    pub alternate: bool,
    /// `0`: zeros instead of blanks to the left.
    pub zero: bool,
}

impl Message {
    /// The conversions, one for each argument.
    pub fn conversions(&self) -> impl Iterator<Item = &Conversion> {
        self.format.iter().filter_map(|piece| match piece {
            FormatPiece::Value(conversion) => Some(conversion),
            FormatPiece::Text(_) => None,
        })
    }
}

impl Conversion {
    /// Whether values of the type can be printed so: `int`s for `%d`, `uint`s for `%u`, `%o` and `%x` (of any
    /// width), `float` for `%f` and kin, `uchar` for `%c`, each alone or in a vector; a pointer for `%p`.
    pub fn takes(&self, ty: Type) -> bool {
        let elem = match ty {
            Type::Scalar(elem) | Type::Vector { elem, packed: false, .. } => elem,
            Type::Pointer { .. } => return self.kind == ConversionKind::Pointer,
            _ => return false,
        };
        use ConversionKind as K;
        match self.kind {
            K::Signed => elem.is_int() && elem.is_signed(),
            K::Unsigned | K::Octal | K::Hex | K::HexUpper => elem.is_int() && !elem.is_signed(),
            K::Char => elem == Scalar::U8,
            K::Pointer => false,
            _ => elem == Scalar::F32,
        }
    }
}

/// The format as `printf` takes it, without length modifiers.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.format.iter().try_for_each(|piece| match piece {
            FormatPiece::Text(text) => f.write_str(&text.replace('%', "%%")),
            FormatPiece::Value(conversion) => conversion.fmt(f),
        })
    }
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConversionFlags { left, plus, space, alternate, zero } = self.flags;
        f.write_str("%")?;
        for (is_set, flag) in [(left, "-"), (plus, "+"), (space, " "), (alternate, "#"), (zero, "0")] {
            f.write_str(if is_set { flag } else { "" })?;
        }
        if self.width > 0 {
            write!(f, "{}", self.width)?;
        }
        if let Some(precision) = self.precision {
            write!(f, ".{precision}")?;
        }
        f.write_str(self.kind.mnemonic())
    }
}

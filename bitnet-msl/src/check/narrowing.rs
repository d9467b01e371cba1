//! Narrowing conversions, which braced lists do not make (C++ \[dcl.init.list\] 7).

use super::Checker;
use super::builder::Mark;
use super::const_eval::{ConstValue, promote};
use super::convert::Wanted;
use super::operand::{Operand, Rvalue};
use super::types::{Enumeration, QualType};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Scalar, Type, Value, int_range};

/// Whether a conversion between two types narrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrowing {
    Never,
    /// Unless the source is a constant expression whose value fits.
    Variables,
    /// Whatever the value is.
    Always,
}

impl<'a> Checker<'a> {
    /// Converts a clause of a braced list, which was emitted since the mark.
    pub(super) fn convert_listed(
        &mut self,
        operand: Operand,
        mark: Mark,
        to: QualType,
        wanted: Option<&Wanted>,
    ) -> Option<Value> {
        let to = QualType { ty: self.unpacked_type(to.ty), ..to };
        let is_pointer = matches!(self.ty(to.ty), Type::Pointer { .. });
        if is_pointer && self.is_null_constant(&operand) {
            return Some(self.builder.zero(to.ty, operand.span));
        }
        let from = self.read(operand)?;
        if self.implicit_rank(&from, to).is_none() {
            self.cannot_convert(&from, to, wanted);
            return None;
        }
        self.check_narrowing(&from, mark, to, wanted);
        Some(self.convert_value(from.value, from.ty, to.ty, from.span))
    }

    fn check_narrowing(&mut self, from: &Rvalue, mark: Mark, to: QualType, wanted: Option<&Wanted>) {
        let Some(scalar) = self.as_scalar(to.ty) else { return };
        let shown = self.display_qual(to);
        let why = match self.narrowing(from, scalar) {
            Narrowing::Never => return,
            Narrowing::Always => format!("never becomes `{shown}` in braces, whatever its value is"),
            Narrowing::Variables => match self.scalar_constant_of(mark, from.value) {
                Ok(value) if fits(value, scalar) => return,
                Ok(value) if value.scalar.is_float() => {
                    format!("{} is outside the range of `{shown}`", value.as_f64())
                }
                Ok(value) => format!("`{shown}` does not hold {}", value.as_int()),
                Err(_) => format!("not constant, and `{shown}` does not hold every value that it may have"),
            },
        };
        let shown_from = self.display_qual(self.rvalue_qual(from));
        let message = format!("`{shown_from}` is narrowed to `{shown}` in a braced list");
        let note = format!("convert explicitly, as in {shown}(x), or use = or () instead of braces");
        let mut diagnostic = Diagnostic::new(Code::E0334, from.span, message).at(why).note(note);
        if let Some(wanted) = wanted {
            diagnostic = diagnostic.label(wanted.span, wanted.message.clone());
        }
        self.report(diagnostic);
    }

    fn narrowing(&self, from: &Rvalue, to: Scalar) -> Narrowing {
        match self.ty(from.ty) {
            Type::Scalar(scalar) => {
                let promoted = from.enumeration.map(|_| promote(scalar));
                match promoted == Some(to) {
                    true => Narrowing::Never,
                    false => narrowing(self.range_type(scalar, from.enumeration), to),
                }
            }
            Type::Pointer { .. } => Narrowing::Always,
            _ => Narrowing::Never,
        }
    }

    /// The integer type whose values an enumeration may have.
    fn range_type(&self, scalar: Scalar, enumeration: Option<Enumeration>) -> Scalar {
        match enumeration {
            Some(Enumeration::User(index)) => self.enums[index as usize].range,
            _ => scalar,
        }
    }
}

/// Whether values of one type may get lost in another one.
fn narrowing(from: Scalar, to: Scalar) -> Narrowing {
    match (from.is_float(), to.is_float()) {
        (true, false) => Narrowing::Always,
        (false, true) => Narrowing::Variables,
        (true, true) => match from == to || to == Scalar::F32 {
            true => Narrowing::Never,
            false => Narrowing::Variables,
        },
        (false, false) => match (int_range(from), int_range(to)) {
            (Some((least, greatest)), Some((to_least, to_greatest)))
                if to_least <= least && greatest <= to_greatest =>
            {
                Narrowing::Never
            }
            _ => Narrowing::Variables,
        },
    }
}

/// Whether a constant has the same value in another type; among floats, a value within its range.
fn fits(value: ConstValue, to: Scalar) -> bool {
    let converted = value.convert(to);
    match (value.scalar.is_float(), to.is_float()) {
        (true, true) => converted.as_f64().is_finite() || !value.as_f64().is_finite(),
        // The way back saturates, as it does in clang: the greatest value of a type counts as kept.
        (false, true) => converted.convert(value.scalar) == value,
        (true, false) => false,
        (false, false) => converted.as_int() == value.as_int(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Scalar as S;

    #[test]
    fn types_that_hold_all_values_do_not_narrow() {
        let never = [
            (S::Bool, S::U8),
            (S::U8, S::I16),
            (S::I32, S::I64),
            (S::U32, S::I64),
            (S::F16, S::F32),
            (S::BF16, S::F32),
            (S::I32, S::I32),
        ];
        for (from, to) in never {
            assert_eq!(narrowing(from, to), Narrowing::Never, "{} to {}", from.msl_name(), to.msl_name());
        }
        let variables = [
            (S::I32, S::U32),
            (S::U32, S::I32),
            (S::I32, S::U64),
            (S::I8, S::U64),
            (S::I32, S::Bool),
            (S::Bool, S::F32),
            (S::I32, S::F32),
            (S::F32, S::F16),
            (S::F16, S::BF16),
        ];
        for (from, to) in variables {
            assert_eq!(narrowing(from, to), Narrowing::Variables, "{} to {}", from.msl_name(), to.msl_name());
        }
        for to in [S::Bool, S::I32, S::U64] {
            assert_eq!(narrowing(S::F32, to), Narrowing::Always, "to {}", to.msl_name());
        }
    }

    #[test]
    fn constants_fit_if_they_keep_their_value() {
        let int = |value| ConstValue::int(S::I64, value);
        let float = |value| ConstValue::float(S::F32, value);
        let cases = [
            (int(255), S::U8, true),
            (int(256), S::U8, false),
            (int(-1), S::U32, false),
            (int(1), S::Bool, true),
            (int(2), S::Bool, false),
            (int(1 << 24), S::F32, true),
            (int((1 << 24) + 1), S::F32, false),
            (int(i128::from(i64::MAX)), S::F32, true),
            (int(i128::from(i64::MAX) - 1), S::F32, false),
            (int(i128::from(i64::MIN)), S::F32, true),
            (int(70_000), S::F16, false),
            (int(257), S::BF16, false),
            (float(0.1), S::F16, true),
            (float(1e6), S::F16, false),
            (float(f64::INFINITY), S::F16, true),
            (float(1.0), S::I32, false),
        ];
        for (value, to, expect) in cases {
            assert_eq!(fits(value, to), expect, "{value:?} to {}", to.msl_name());
        }
    }
}

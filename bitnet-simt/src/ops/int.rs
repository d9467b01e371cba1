//! Integers of up to 32 bits, on the bits of a lane. Narrow integers come sign- or zero-extended; results
//! that may leave their range are normalised by the instruction after.

super::integer::integer_functions!(u32, i32);

/// `!` of a `bool`.
pub(crate) fn not_bool(a: u32) -> u32 {
    a ^ 1
}

pub(crate) fn sext8(a: u32) -> u32 {
    a as u8 as i8 as i32 as u32
}

pub(crate) fn zext8(a: u32) -> u32 {
    a & 0xff
}

pub(crate) fn sext16(a: u32) -> u32 {
    a as u16 as i16 as i32 as u32
}

pub(crate) fn zext16(a: u32) -> u32 {
    a & 0xffff
}

#[cfg(test)]
mod tests {
    use super::arithmetic::check;
    use super::*;

    #[test]
    fn narrow_integers_are_extended() {
        check(|a, _| sext8(a), false, |a, _| i128::from(a as i8));
        check(|a, _| sext16(a), false, |a, _| i128::from(a as i16));
        check(|a, _| zext8(a), false, |a, _| i128::from(a as u8));
        check(|a, _| zext16(a), false, |a, _| i128::from(a as u16));
        assert_eq!((not_bool(0), not_bool(1)), (1, 0));
    }
}

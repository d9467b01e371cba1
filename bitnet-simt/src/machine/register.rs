//! Registers of 32-bit lanes that know when their lanes are alike.
//!
//! Much of what a simdgroup computes is the same in all lanes (sizes, loop counters) or grows by the same
//! amount from lane to lane (positions, indices). Such a register keeps two numbers, and instructions on
//! such registers compute two numbers. Whether it is so is known as the program runs, by how the value came
//! about; the bytecode does not say.
//!
//! **Invariant:** what a lane holds does not depend on the form of the register: every instruction gives the
//! same lanes for operands of either form.

use crate::ops::lane::LANES;

/// The values of 32 lanes.
pub(crate) type Reg = [u32; LANES];

/// The values of 32 wide lanes.
pub(crate) type Wide = [u64; LANES];

/// What of a register is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `base` and `step`.
    Line,
    /// `base` and `step`, and the lanes too.
    LineAndLanes,
    /// The lanes.
    Lanes,
}

/// A register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    form: Form,
    /// Lane 0.
    base: u32,
    /// How much each lane is more than the one before, modulo 2³².
    step: u32,
    lanes: Reg,
}

impl Register {
    /// A register with one value in all lanes.
    pub(crate) fn uniform_of(value: u32) -> Self {
        Self { form: Form::Line, base: value, step: 0, lanes: [0; LANES] }
    }

    /// The value of all lanes, if it is known to be one.
    #[inline(always)]
    pub(crate) fn uniform(&self) -> Option<u32> {
        (self.form != Form::Lanes && self.step == 0).then_some(self.base)
    }

    /// Lane 0 and the difference from lane to lane, if it is known to be the same.
    #[inline(always)]
    pub(crate) fn line(&self) -> Option<(u32, u32)> {
        (self.form != Form::Lanes).then_some((self.base, self.step))
    }

    #[inline(always)]
    pub(crate) fn set_uniform(&mut self, value: u32) {
        self.set_line(value, 0);
    }

    #[inline(always)]
    pub(crate) fn set_line(&mut self, base: u32, step: u32) {
        (self.form, self.base, self.step) = (Form::Line, base, step);
    }

    #[inline(always)]
    pub(crate) fn set_lanes(&mut self, lanes: Reg) {
        self.form = Form::Lanes;
        self.lanes = lanes;
    }

    /// Makes the lanes valid.
    #[inline(always)]
    pub(crate) fn fill(&mut self) {
        if self.form == Form::Line {
            self.lanes = line_lanes(self.base, self.step);
            self.form = Form::LineAndLanes;
        }
    }

    /// The lanes, once they are valid.
    #[inline(always)]
    pub(crate) fn filled(&self) -> &Reg {
        debug_assert!(self.form != Form::Line, "lanes are filled before they are read");
        &self.lanes
    }

    /// The lanes.
    #[inline(always)]
    pub(crate) fn lanes(&mut self) -> &Reg {
        self.fill();
        &self.lanes
    }

    /// A copy of the lanes.
    #[inline(always)]
    pub(crate) fn to_lanes(self) -> Reg {
        match self.form {
            Form::Line => line_lanes(self.base, self.step),
            Form::LineAndLanes | Form::Lanes => self.lanes,
        }
    }
}

#[inline(always)]
fn line_lanes(base: u32, step: u32) -> Reg {
    if step == 0 {
        return [base; LANES];
    }
    let mut lanes = [0; LANES];
    for (lane, value) in lanes.iter_mut().enumerate() {
        *value = base.wrapping_add(step.wrapping_mul(lane as u32));
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_lanes_hold_the_same() {
        for (base, step) in [(7, 0), (7, 1), (3, u32::MAX), (u32::MAX - 3, 5)] {
            let mut register = Register::uniform_of(0);
            register.set_line(base, step);
            let expect = std::array::from_fn(|i| base.wrapping_add(step.wrapping_mul(i as u32)));
            assert_eq!(register.to_lanes(), expect);
            assert_eq!(register.uniform(), (step == 0).then_some(base));
            assert_eq!(*register.lanes(), expect);
            assert_eq!(register.line(), Some((base, step)));
            register.set_lanes(expect);
            assert_eq!((register.line(), register.to_lanes()), (None, expect));
        }
    }
}

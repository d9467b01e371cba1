//! Cases of any size, for those who measure: what a kernel's own cases hold, repeated to fill larger operands.

use std::fmt;
use std::str::FromStr;

use super::case::{Case, Data};
use super::params::StructLayout;
use super::row::{Element, KernelRow, ParamKind};
use super::shape::{Grouping, Shape};
use crate::metal::MetalError;

/// Most elements of a buffer of a sized case.
pub const MAX_ELEMENTS: u64 = 1 << 26;

/// A size in the words of a linear layer. Kernels without weights take M rows of K elements, element-wise ones
/// M·K elements, those on weights alone N rows of K columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// M: rows of activations.
    pub rows: u32,
    /// K: columns.
    pub columns: u32,
    /// N: rows of the weights.
    pub outputs: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}×{}×{}", self.rows, self.columns, self.outputs))
    }
}

impl FromStr for Size {
    type Err = String;

    /// Of `MxKxN`, as in `1x4096x4096`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Result<Vec<u32>, _> = text.split(['x', '×']).map(|part| part.trim().parse()).collect();
        match parts.as_deref() {
            Ok(&[rows, columns, outputs]) => Ok(Self { rows, columns, outputs }),
            _ => Err("a size is MxKxN: rows, columns, outputs, as in 1x4096x4096".to_owned()),
        }
    }
}

/// A dimension of a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Rows,
    Columns,
    Outputs,
}

/// A case of a kernel in single precision at a size. Its data are those of one of the kernel's own cases,
/// repeated, so that labels name classes, variances are positive, and all options are used.
///
/// # Errors
/// [`MetalError::KernelContract`] if the size is none that the kernel takes, or a buffer would have more than
/// [`MAX_ELEMENTS`] elements.
pub fn case_of_size(row: &KernelRow, size: Size) -> Result<Case, MetalError> {
    let refused = |reason: String| MetalError::KernelContract { kernel: row.name.to_owned(), reason };
    let mut case = template(row);
    let layout = row.constants().1;
    resize(layout, &mut case.params, size).map_err(refused)?;
    let shape = (layout.shape)(&case.params);
    case.shape = shape.map_err(|unfit| {
        refused(format!("it does not take the size {size}: the parameter struct {unfit}"))
    })?;
    case.label = size.to_string();
    for param in row.params {
        let ParamKind::Buffer { least, .. } = param.kind else { continue };
        let elements = least(&case.shape);
        if elements > MAX_ELEMENTS {
            let name = param.name;
            return Err(refused(format!(
                "'{name}' would have {elements} elements, more than {MAX_ELEMENTS}"
            )));
        }
        if let Some((_, data)) = case.buffers.iter_mut().find(|(index, _)| *index == param.index) {
            *data = data.repeated(elements as usize);
        }
    }
    Ok(case)
}

/// The case of a kernel that says most about the kernel's ordinary use: no value but numbers, scales by row, all
/// options, many elements. Of those that do, the middle one: extremes come first and last.
///
/// **Invariant:** every row has such a case (a test makes a case of a size of every row).
fn template(row: &KernelRow) -> Case {
    let is_ordinary = |case: &Case| {
        case.buffers.iter().all(|(_, data)| {
            let is_finite = !matches!(data, Data::F32(values) if values.iter().any(|v| !v.is_finite()));
            !data.is_empty() && is_finite
        })
    };
    let rank = |case: &Case| {
        let elements: usize = case.buffers.iter().map(|(_, data)| data.len()).sum();
        let used = row.params.iter().filter(|param| param.is_used(&case.params)).count();
        (case.shape.grouping == Grouping::Row, used, elements)
    };
    let mut cases: Vec<Case> = (row.cases)().into_iter().filter(is_ordinary).collect();
    let best = cases.iter().map(rank).max().expect("every row has an ordinary case");
    cases.retain(|case| rank(case) == best);
    cases.swap_remove((cases.len() - 1) / 2)
}

/// Sets the dimensions in the bytes of a parameter struct.
fn resize(layout: &StructLayout, params: &mut [u8], size: Size) -> Result<(), String> {
    let fields: Vec<(Dimension, usize)> = layout
        .fields
        .iter()
        .filter(|field| field.element == Element::U32)
        .filter_map(|field| Some((dimension(layout, params, field.offset_bytes)?, field.offset_bytes)))
        .collect();
    let is_elementwise = fields.iter().all(|(dimension, _)| *dimension == Dimension::Columns);
    for (dimension, offset) in fields {
        let value = match dimension {
            Dimension::Rows => size.rows,
            Dimension::Outputs => size.outputs,
            Dimension::Columns if is_elementwise => size
                .rows
                .checked_mul(size.columns)
                .ok_or_else(|| format!("{size} are more elements than a 32-bit number counts"))?,
            Dimension::Columns => size.columns,
        };
        params[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }
    (layout.complete)(params);
    Ok(())
}

/// Which dimension a field of a parameter struct stands for: the one that grows with it. The layout knows, as the
/// one place that turns the struct into a shape. `None` for an option, the size of a group, or what follows from others.
fn dimension(layout: &StructLayout, params: &[u8], offset_bytes: usize) -> Option<Dimension> {
    let before = (layout.shape)(params).ok()?;
    let mut grown = params.to_vec();
    let field = &mut grown[offset_bytes..offset_bytes + 4];
    let value = u32::from_ne_bytes(field.try_into().expect("fields have four bytes"));
    // A step of 32 keeps the size of a group one that the kernels take.
    field.copy_from_slice(&value.wrapping_add(32).to_ne_bytes());
    (layout.complete)(&mut grown);
    let after = (layout.shape)(&grown).ok()?;
    let sides = |shape: &Shape| [shape.batch, shape.input, shape.output];
    let changed = sides(&before).iter().zip(sides(&after)).position(|(before, after)| *before != after)?;
    Some([Dimension::Rows, Dimension::Columns, Dimension::Outputs][changed])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metal::kernels::TABLE;

    #[test]
    fn every_kernel_has_a_case_of_any_size() {
        for row in TABLE {
            for (rows, columns, outputs) in [(1, 1, 1), (3, 70, 5), (16, 512, 64)] {
                let case = case_of_size(row, Size { rows, columns, outputs }).expect("a small size");
                assert_eq!((row.constants().1.shape)(&case.params), Ok(case.shape), "{}", row.name);
                let sides = (case.shape.batch, case.shape.input, case.shape.output);
                let (m, k, n) = (u64::from(rows), u64::from(columns), u64::from(outputs));
                let possible = [(m, k, n), (0, k, n), (m, k, 0), (1, m * k, 0)];
                assert!(possible.contains(&sides), "{}: {sides:?}", row.name);
                for param in row.params {
                    assert!(param.is_used(&case.params), "{}: '{}' is left out", row.name, param.name);
                }
            }
        }
    }

    #[test]
    fn sizes_that_no_machine_holds_are_refused() {
        let huge = Size { rows: u32::MAX, columns: u32::MAX, outputs: 1 };
        for row in TABLE {
            let error = case_of_size(row, huge).expect_err(row.name);
            assert!(matches!(error, MetalError::KernelContract { .. }), "{}: {error}", row.name);
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        let size = Size { rows: 1, columns: 4096, outputs: 10 };
        for text in ["1x4096x10", "1×4096×10", "1 x 4096 x 10"] {
            assert_eq!(text.parse(), Ok(size), "{text}");
        }
        assert_eq!(size.to_string(), "1×4096×10");
        for text in ["", "1x2", "1x2x3x4", "1x-2x3", "axbxc", "1x2x4294967296"] {
            let error = text.parse::<Size>().expect_err(text);
            assert!(error.contains("MxKxN"), "{error}");
        }
    }
}

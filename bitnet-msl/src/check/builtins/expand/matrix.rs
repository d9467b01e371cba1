//! Functions of matrices (MSL 6.6).

use super::Call;
use crate::ir::{Op, Type, Value};

/// The components of a matrix: `m[c][r]`.
fn components(call: &mut Call<'_>, m: Value) -> Vec<Vec<Value>> {
    let (cols, rows) = match call.builder.type_table().get(call.type_of(m)) {
        Type::Matrix { cols, rows, .. } => (cols, rows),
        _ => (0, 0),
    };
    let mut columns = Vec::with_capacity(usize::from(cols));
    for c in 0..cols {
        let column = call.extract(m, c);
        columns.push((0..rows).map(|r| call.extract(column, r)).collect());
    }
    columns
}

/// The matrix whose columns are the rows of another one.
pub(in crate::check::builtins) fn transpose(call: &mut Call<'_>, args: &[Value]) -> Value {
    let columns = components(call, args[0]);
    let result = call.result;
    let column_type = call.builder.element_type(result);
    let rows = columns.first().map_or(0, Vec::len);
    let mut transposed = Vec::with_capacity(rows);
    for r in 0..rows {
        let parts = columns.iter().map(|column| column[r]).collect();
        transposed.push(call.emit(Op::Compose(parts), column_type));
    }
    call.emit(Op::Compose(transposed), result)
}

/// The determinant of a square matrix, by the minors of its first column.
pub(in crate::check::builtins) fn determinant(call: &mut Call<'_>, args: &[Value]) -> Value {
    let columns = components(call, args[0]);
    let all: Vec<usize> = (0..columns.len()).collect();
    minor(call, &columns, &all, &all)
}

/// The determinant of the part of a matrix that some of its columns and rows make.
fn minor(call: &mut Call<'_>, m: &[Vec<Value>], cols: &[usize], rows: &[usize]) -> Value {
    let first = m[cols[0]][rows[0]];
    if cols.len() == 1 {
        return first;
    }
    let mut sum = None;
    for (i, &row) in rows.iter().enumerate() {
        let others: Vec<usize> = rows.iter().copied().filter(|&other| other != row).collect();
        let rest = minor(call, m, &cols[1..], &others);
        let term = call.mul(m[cols[0]][row], rest);
        sum = Some(match sum {
            None => term,
            Some(sum) if i % 2 == 0 => call.add(sum, term),
            Some(sum) => call.sub(sum, term),
        });
    }
    sum.unwrap_or(first)
}

//! Values as cells: the scalars and pointers that a value of some type consists of, and where they lie.

use std::collections::HashMap;
use std::rc::Rc;

use bitnet_msl::ir::{Scalar, Type, TypeId, TypeTable};

/// Most cells of a value. Larger values would need more registers than instructions can name.
pub(super) const MAX_CELLS: usize = 8192;

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellType {
    Scalar(Scalar),
    Pointer,
}

impl CellType {
    pub(super) fn size_bytes(self) -> u32 {
        match self {
            CellType::Scalar(scalar) => scalar.size_bytes(),
            CellType::Pointer => 8,
        }
    }

    /// Whether it takes a register of 64-bit lanes.
    pub(super) fn is_wide(self) -> bool {
        self.size_bytes() == 8
    }
}

/// A scalar or pointer within a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) ty: CellType,
    pub(super) offset: u32,
}

/// The cells of types; `None` for types with too many.
pub(super) struct Layouts<'m> {
    types: &'m TypeTable,
    known: HashMap<TypeId, Option<Rc<[Cell]>>>,
}

impl<'m> Layouts<'m> {
    pub(super) fn new(types: &'m TypeTable) -> Self {
        Self { types, known: HashMap::new() }
    }

    /// The cells of a value of this type, by offset.
    pub(super) fn cells(&mut self, id: TypeId) -> Option<Rc<[Cell]>> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let mut cells = Vec::new();
        let fits = self.collect(self.types.get(id), self.types.size_bytes(id), 0, &mut cells);
        let result = fits.then(|| Rc::from(cells));
        self.known.insert(id, result.clone());
        result
    }

    /// Adds the cells of a type at an offset; false if there are too many.
    fn collect(&mut self, ty: Type, size: u32, base: u32, cells: &mut Vec<Cell>) -> bool {
        let scalar = |scalar, offset| Cell { ty: CellType::Scalar(scalar), offset };
        match ty {
            Type::Void => {}
            Type::Scalar(s) | Type::Atomic(s) => cells.push(scalar(s, base)),
            Type::Pointer { .. } => cells.push(Cell { ty: CellType::Pointer, offset: base }),
            Type::Vector { elem, len, .. } => {
                cells.extend((0..u32::from(len)).map(|i| scalar(elem, base + i * elem.size_bytes())));
            }
            Type::Matrix { elem, cols, rows } => {
                let stride = size / u32::from(cols);
                let columns = (0..u32::from(cols)).flat_map(|c| (0..u32::from(rows)).map(move |r| (c, r)));
                cells.extend(columns.map(|(c, r)| scalar(elem, base + c * stride + r * elem.size_bytes())));
            }
            Type::Array { elem, len } => {
                if len as usize > MAX_CELLS {
                    return false;
                }
                let Some(part) = self.cells(elem) else { return false };
                if part.len() * len as usize > MAX_CELLS {
                    return false;
                }
                let stride = self.types.size_bytes(elem);
                for i in 0..len {
                    cells.extend(
                        part.iter().map(|cell| Cell { offset: base + i * stride + cell.offset, ..*cell }),
                    );
                }
            }
            Type::Struct(id) => {
                let found = self.types.get_struct(id);
                if found.is_union {
                    return raw_cells(found.size_bytes, found.align_bytes, base, cells);
                }
                for field in &found.fields {
                    let Some(part) = self.cells(field.ty) else { return false };
                    let at = base + field.offset_bytes;
                    cells.extend(part.iter().map(|cell| Cell { offset: at + cell.offset, ..*cell }));
                    if cells.len() > MAX_CELLS {
                        return false;
                    }
                }
            }
        }
        cells.len() <= MAX_CELLS
    }
}

/// A union is held as its bytes, in cells as large as its alignment allows.
fn raw_cells(size: u32, align: u32, base: u32, cells: &mut Vec<Cell>) -> bool {
    let scalar = match align {
        1 => Scalar::U8,
        2 => Scalar::U16,
        _ => Scalar::U32,
    };
    let step = scalar.size_bytes();
    if (size / step) as usize > MAX_CELLS {
        return false;
    }
    cells.extend((0..size / step).map(|i| Cell { ty: CellType::Scalar(scalar), offset: base + i * step }));
    cells.len() <= MAX_CELLS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(types: &TypeTable, id: TypeId, expect: &[(CellType, u32)]) {
        let cells = Layouts::new(types).cells(id).expect("small");
        let got: Vec<_> = cells.iter().map(|cell| (cell.ty, cell.offset)).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn cells_lie_where_metal_puts_them() {
        let mut types = TypeTable::default();
        let float = CellType::Scalar(Scalar::F32);
        let f32_id = types.intern(Type::Scalar(Scalar::F32));
        let float3 = types.intern(Type::Vector { elem: Scalar::F32, len: 3, packed: false });
        let matrix = types.intern(Type::Matrix { elem: Scalar::F32, cols: 2, rows: 3 });
        let array = types.intern(Type::Array { elem: float3, len: 2 });
        check(&types, float3, &[(float, 0), (float, 4), (float, 8)]);
        check(&types, matrix, &[(float, 0), (float, 4), (float, 8), (float, 16), (float, 20), (float, 24)]);
        check(&types, array, &[(float, 0), (float, 4), (float, 8), (float, 16), (float, 20), (float, 24)]);
        let byte = types.intern(Type::Scalar(Scalar::U8));
        let fields = vec![("a".into(), byte), ("b".into(), f32_id)];
        let id = types.add_struct("S".into(), fields.clone(), false).expect("small");
        let id = types.intern(Type::Struct(id));
        check(&types, id, &[(CellType::Scalar(Scalar::U8), 0), (float, 4)]);
        let union = types.add_struct("U".into(), fields, true).expect("small");
        let union = types.intern(Type::Struct(union));
        check(&types, union, &[(CellType::Scalar(Scalar::U32), 0)]);
    }

    #[test]
    fn values_with_too_many_cells_are_refused() {
        let mut types = TypeTable::default();
        let byte = types.intern(Type::Scalar(Scalar::U8));
        let inner = types.intern(Type::Array { elem: byte, len: 1000 });
        let outer = types.intern(Type::Array { elem: inner, len: 1000 });
        assert!(Layouts::new(&types).cells(inner).is_some());
        assert!(Layouts::new(&types).cells(outer).is_none());
    }
}

//! The table of types, and that every type which a module names is in it.
//!
//! **Invariant:** in a table that passes, what a type is made of comes before it: no type holds itself, and a walk
//! into a type ends after [`MAX_TYPE_DEPTH`] steps.

use super::ops::shape;
use super::{Check, require};
use crate::ir::{MAX_TYPE_DEPTH, MAX_TYPE_SIZE_BYTES, Module, Scalar, StructId, Type, TypeId, TypeTable};

/// Checks every type of a table, and that the structs lie as MSL lays them out.
pub(super) fn table(types: &TypeTable) -> Check {
    let mut has_type = vec![false; types.structs().len()];
    for id in (0..types.len() as u32).map(TypeId) {
        require(types.find(types.get(id)) == Some(id), "a type has one id")?;
        match types.get(id) {
            Type::Void | Type::Scalar(_) => {}
            Type::Vector { len, .. } => {
                require((2..=4).contains(&len), "a vector has two to four components")?;
            }
            Type::Matrix { elem, cols, rows } => {
                let fits = (2..=4).contains(&cols) && (2..=4).contains(&rows);
                let is_real = matches!(elem, Scalar::F16 | Scalar::F32);
                require(fits && is_real, "a matrix has two to four columns and rows of half or float")?;
            }
            Type::Atomic(scalar) => {
                let is_atomic = scalar == Scalar::Bool || matches!(scalar.size_bytes(), 4 | 8);
                require(is_atomic, "an atomic is a bool, or has 32 or 64 bits")?;
            }
            Type::Array { elem, len } => {
                part(types, elem, id)?;
                let size = u64::from(types.size_bytes(elem)) * u64::from(len);
                let fits = len > 0 && size <= MAX_TYPE_SIZE_BYTES;
                require(fits, "an array has a length, and a size of at most 1 GiB")?;
            }
            Type::Pointer { pointee, .. } => before(pointee, id)?,
            Type::Struct(found) => {
                *has_type.get_mut(found.0 as usize).ok_or("a struct exists")? = true;
                struct_type(types, found, id)?;
            }
        }
        require(types.depth(id) <= MAX_TYPE_DEPTH, "types are not too deep within each other")?;
    }
    require(has_type.iter().all(|known| *known), "a struct has a type")
}

/// Checks that a type comes before the one that is made of it.
fn before(id: TypeId, whole: TypeId) -> Check {
    require(id < whole, "what a type is made of comes before it")
}

/// Checks a type that another one holds by value.
fn part(types: &TypeTable, id: TypeId, whole: TypeId) -> Check {
    before(id, whole)?;
    require(types.get(id) != Type::Void, "an element or member has a type that can be stored")
}

fn struct_type(types: &TypeTable, id: StructId, whole: TypeId) -> Check {
    let known = types.get_struct(id);
    known.fields.iter().try_for_each(|field| part(types, field.ty, whole))?;
    let fields: Vec<TypeId> = known.fields.iter().map(|field| field.ty).collect();
    let fits = types.lay_out(&fields, known.is_union).is_some_and(|layout| {
        let offsets = known.fields.iter().map(|field| field.offset_bytes);
        offsets.eq(layout.offsets_bytes)
            && (known.size_bytes, known.align_bytes) == (layout.size_bytes, layout.align_bytes)
    });
    require(fits, "a struct lies in memory as MSL lays it out")
}

/// Checks that the types which a module names exist, and suit what they are the types of.
pub(super) fn named(module: &Module) -> Check {
    let exists = |id: TypeId| require((id.0 as usize) < module.types.len(), "a type exists");
    let is_stored = |id: TypeId| {
        exists(id)?;
        require(module.types.get(id) != Type::Void, "a variable has a type that can be stored")
    };
    for global in &module.globals {
        is_stored(global.ty)?;
    }
    for constant in &module.function_constants {
        exists(constant.ty)?;
        let is_value = shape(module.types.get(constant.ty)).is_some();
        require(is_value, "a function constant is a scalar or vector")?;
    }
    for function in &module.functions {
        exists(function.ret)?;
        function.params.iter().try_for_each(|&id| is_stored(id))?;
        function.locals.iter().try_for_each(|local| exists(local.ty))?;
        function.insts.iter().try_for_each(|inst| exists(inst.ty))?;
    }
    Ok(())
}

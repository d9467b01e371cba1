//! The variables of functions that run at compilation.

use super::reason::Reason;
use crate::check::const_eval::{Constant, Place};
use crate::ir::{Type, TypeId, TypeTable};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a pointer takes.
const POINTER_BYTES: usize = 8;

/// What is known of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Byte {
    /// Nothing was written.
    Unset,
    Known(u8),
    /// Written, but with what depends on the arguments of the function that is being looked at.
    Unknown,
}

/// A variable.
#[derive(Debug)]
enum Object {
    /// Of a call that runs: its bytes, and the pointers in it by their place.
    Variable(Vec<Byte>, BTreeMap<usize, Place>),
    /// A constant of the code around the constant expression.
    Constant(Rc<[u8]>),
    /// Another variable of the code around, by name: it may be named, but neither read nor written.
    Outside(String),
}

/// All variables by number; those of calls that have returned are empty.
#[derive(Debug, Default)]
pub(super) struct Memory {
    objects: Vec<Object>,
}

/// What a read gives.
pub(super) enum Read {
    Known(Constant),
    Unknown,
}

impl Memory {
    /// A variable without value.
    pub(super) fn add(&mut self, size_bytes: usize) -> usize {
        self.objects.push(Object::Variable(vec![Byte::Unset; size_bytes], BTreeMap::new()));
        self.objects.len() - 1
    }

    /// A constant of the code around.
    pub(super) fn add_constant(&mut self, bytes: &Rc<[u8]>) -> usize {
        self.objects.push(Object::Constant(Rc::clone(bytes)));
        self.objects.len() - 1
    }

    /// Another variable of the code around.
    pub(super) fn add_outside(&mut self, name: String) -> usize {
        self.objects.push(Object::Outside(name));
        self.objects.len() - 1
    }

    /// Ends the life of a variable.
    pub(super) fn end(&mut self, object: usize) {
        self.objects[object] = Object::Variable(Vec::new(), BTreeMap::new());
    }

    /// Reads a value of a type. Padding need not be set.
    pub(super) fn read(
        &self,
        object: usize,
        offset: usize,
        ty: TypeId,
        types: &TypeTable,
    ) -> Result<Read, Reason> {
        let size = types.size_bytes(ty) as usize;
        let (bytes, pointers) = match &self.objects[object] {
            Object::Variable(bytes, pointers) => (bytes, pointers),
            Object::Constant(bytes) => {
                let bytes = bytes.get(offset..offset + size).ok_or(Reason::OutOfBounds)?;
                return Ok(Read::Known(Constant::Bytes(bytes.to_vec())));
            }
            Object::Outside(name) => return Err(Reason::Variable(name.clone())),
        };
        if let Some(&place) = pointers.get(&offset)
            && matches!(types.get(ty), Type::Pointer { .. })
        {
            return Ok(Read::Known(Constant::Address(place)));
        }
        let bytes = bytes.get(offset..offset + size).ok_or(Reason::Dangling)?;
        let mut result = vec![0; size];
        let mut is_unknown = false;
        for (to, from) in result.iter_mut().zip(bytes) {
            match from {
                Byte::Known(byte) => *to = *byte,
                Byte::Unknown => is_unknown = true,
                Byte::Unset => {}
            }
        }
        if bytes.contains(&Byte::Unset) && !is_set(bytes, types.get(ty), types) {
            return Err(Reason::Unset);
        }
        Ok(if is_unknown { Read::Unknown } else { Read::Known(Constant::Bytes(result)) })
    }

    /// Writes a value; `None` where it is not known.
    pub(super) fn write(
        &mut self,
        object: usize,
        offset: usize,
        value: Option<&Constant>,
        size: usize,
    ) -> Result<(), Reason> {
        let Object::Variable(bytes, pointers) = &mut self.objects[object] else {
            return Err(Reason::WritesOutside);
        };
        let bytes = bytes.get_mut(offset..offset + size).ok_or(Reason::Dangling)?;
        pointers.retain(|at, _| *at + POINTER_BYTES <= offset || offset + size <= *at);
        match value {
            Some(Constant::Bytes(value)) => {
                bytes.iter_mut().zip(value).for_each(|(to, from)| *to = Byte::Known(*from));
            }
            Some(Constant::Address(place)) => {
                bytes.fill(Byte::Known(0));
                pointers.insert(offset, *place);
            }
            None => bytes.fill(Byte::Unknown),
        }
        Ok(())
    }
}

/// Whether every part of a value was written. Types nest to a bounded depth.
fn is_set(bytes: &[Byte], ty: Type, types: &TypeTable) -> bool {
    let part_is_set = |part: Type, offset: usize| {
        let size = size_of(part, types);
        bytes.get(offset..offset + size).is_some_and(|part_bytes| is_set(part_bytes, part, types))
    };
    match ty {
        Type::Struct(id) => {
            let info = types.get_struct(id);
            let mut fields =
                info.fields.iter().map(|field| (types.get(field.ty), field.offset_bytes as usize));
            match info.is_union {
                true => fields.any(|(part, offset)| part_is_set(part, offset)),
                false => fields.all(|(part, offset)| part_is_set(part, offset)),
            }
        }
        Type::Array { elem, len } => {
            let size = types.size_bytes(elem) as usize;
            (0..len as usize).all(|index| part_is_set(types.get(elem), index * size))
        }
        Type::Vector { elem, len, .. } => {
            let used = elem.size_bytes() as usize * usize::from(len);
            bytes.get(..used).is_some_and(|bytes| !bytes.contains(&Byte::Unset))
        }
        _ => !bytes.contains(&Byte::Unset),
    }
}

fn size_of(ty: Type, types: &TypeTable) -> usize {
    types.find(ty).map_or(0, |id| types.size_bytes(id) as usize)
}

//! Types within types: what a pointer points to and what an array holds, with what the IR leaves out.
//!
//! A [`QualType`] says of a type what the IR does not keep: constness, volatility, and the enumeration. Inside of
//! another type constness is part of the pointer's [`Type`]; the rest becomes a tag on the inner type
//! ([`TypeTable::tag`](crate::ir::TypeTable::tag)), so that `device E *` and `device int *` are two types here and
//! one in the IR.

use super::Checker;
use super::builtins::BuiltinEnum;
use super::types::{Enumeration, QualType};
use crate::ir::{AddressSpace, Tag, Type, TypeId};

/// What a tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    is_volatile: bool,
    enumeration: Option<Enumeration>,
}

impl Mark {
    fn tag(self) -> Option<Tag> {
        let library = BuiltinEnum::ALL.len() as u32;
        let number = match self.enumeration {
            None => 0,
            Some(Enumeration::Library(this)) => {
                1 + BuiltinEnum::ALL.iter().position(|&other| other == this)? as u32
            }
            Some(Enumeration::User(index)) => 1 + library + index,
        };
        let tag = number * 2 + u32::from(self.is_volatile);
        (tag != 0).then_some(Tag(tag))
    }

    fn of(tag: Tag) -> Self {
        let number = (tag.0 / 2) as usize;
        let enumeration = number.checked_sub(1).map(|index| match BuiltinEnum::ALL.get(index) {
            Some(&library) => Enumeration::Library(library),
            None => Enumeration::User((index - BuiltinEnum::ALL.len()) as u32),
        });
        Self { is_volatile: tag.0 % 2 == 1, enumeration }
    }
}

/// What a pointer points to and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointee {
    pub(super) space: AddressSpace,
    pub(super) ty: QualType,
}

impl<'a> Checker<'a> {
    /// A type as the pointee of a pointer or the element of an array. Constness is left to the pointer.
    pub(super) fn inner_type(&mut self, ty: QualType) -> TypeId {
        let mark = Mark { is_volatile: ty.is_volatile, enumeration: ty.enumeration };
        match mark.tag() {
            Some(tag) => self.builder.types().tag(ty.ty, tag),
            None => ty.ty,
        }
    }

    /// The pointee of a pointer or the element of an array as a type of its own.
    pub(super) fn outer_type(&self, inner: TypeId, is_const: bool) -> QualType {
        match self.builder.type_table().tag_of(inner) {
            Some((ty, tag)) => {
                let Mark { is_volatile, enumeration } = Mark::of(tag);
                QualType { ty, is_const, is_volatile, enumeration }
            }
            None => QualType { is_const, ..QualType::plain(inner) },
        }
    }

    /// `space T *`.
    pub(super) fn pointer_to(&mut self, space: AddressSpace, pointee: QualType) -> TypeId {
        let inner = self.inner_type(pointee);
        self.builder.pointer_type(space, inner, pointee.is_const)
    }

    /// What a pointer type points to.
    pub(super) fn pointee(&self, ty: TypeId) -> Option<Pointee> {
        match self.ty(ty) {
            Type::Pointer { space, pointee, is_const } => {
                Some(Pointee { space, ty: self.outer_type(pointee, is_const) })
            }
            _ => None,
        }
    }

    /// The element of an array: as const and volatile as the array is.
    pub(super) fn element_of(&self, array: QualType, elem: TypeId) -> QualType {
        let elem = self.outer_type(elem, array.is_const);
        QualType { is_volatile: elem.is_volatile || array.is_volatile, ..elem }
    }

    /// The type of an array: what is written of an element holds for the array.
    pub(super) fn array_like(&mut self, elem: QualType) -> (TypeId, QualType) {
        let inner = self.inner_type(QualType { is_volatile: false, ..elem });
        (inner, QualType { enumeration: None, ..elem })
    }

    /// The type as messages print it.
    pub(super) fn display(&self, ty: TypeId) -> String {
        let name = |tag, plain| {
            let Mark { is_volatile, enumeration } = Mark::of(tag);
            let text = enumeration.map_or(plain, |enumeration| self.enumeration_name(enumeration));
            if is_volatile { format!("volatile {text}") } else { text }
        };
        self.builder.type_table().display_tagged(ty, &name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_say_what_they_were_made_of() {
        let enumerations = [
            None,
            Some(Enumeration::Library(BuiltinEnum::ALL[0])),
            Some(Enumeration::Library(*BuiltinEnum::ALL.last().expect("there are some"))),
            Some(Enumeration::User(0)),
            Some(Enumeration::User(7)),
        ];
        let mut tags = Vec::new();
        for enumeration in enumerations {
            for is_volatile in [false, true] {
                let mark = Mark { is_volatile, enumeration };
                match mark.tag() {
                    Some(tag) => {
                        assert_eq!(Mark::of(tag), mark);
                        assert!(!tags.contains(&tag));
                        tags.push(tag);
                    }
                    None => assert_eq!(mark, Mark { is_volatile: false, enumeration: None }),
                }
            }
        }
    }
}

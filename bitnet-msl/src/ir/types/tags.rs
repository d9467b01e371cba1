//! Tagged types: what a front end tells apart although the IR does not.
//!
//! `device E *` and `device int *` are different types to C++, and one to the IR, in which an enumeration is an
//! integer. A [`Tag`] on the pointee makes a type of its own: it has another [`TypeId`], everything else (content,
//! size, layout) is that of the type without the tag. Pointers to and arrays of tagged types are tagged types too.
//!
//! **Invariant:** tagged types never leave the front end. They are kept apart from the others: interning one changes no
//! other id, members of structs lose their tags, [`FunctionBuilder`](crate::check::builder::FunctionBuilder) takes
//! them off whatever it emits, and a table is read and written without them.

use super::{Type, TypeId, TypeTable};
use std::collections::HashMap;

/// A mark on a type. What it means is up to who sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tag(pub(crate) u32);

/// Ids from here on are those of tagged types.
const FIRST_TAGGED: u32 = 1 << 31;

/// A type with a tag on it or within it.
#[derive(Clone, Copy, Debug)]
struct TaggedType {
    /// Its content. What is inside of it may be tagged.
    content: Type,
    /// The type without tags on it and within it.
    untagged: TypeId,
    /// The tag that is on the type itself, and the type without it.
    tag: Option<(TypeId, Tag)>,
}

/// The tagged types of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct TaggedTypes {
    types: Vec<TaggedType>,
    ids: HashMap<(TypeId, Tag), TypeId>,
}

impl TaggedTypes {
    fn add(&mut self, ty: TaggedType) -> TypeId {
        self.types.push(ty);
        TypeId(FIRST_TAGGED + (self.types.len() as u32 - 1))
    }

    fn find(&self, id: TypeId) -> Option<&TaggedType> {
        self.types.get(id.0.checked_sub(FIRST_TAGGED)? as usize)
    }

    /// The content of a tagged type; `None` for other ids.
    pub(super) fn content(&self, id: TypeId) -> Option<Type> {
        self.find(id).map(|ty| ty.content)
    }
}

impl TypeTable {
    /// A type with a tag, in place of the tag that it may have.
    pub(crate) fn tag(&mut self, ty: TypeId, tag: Tag) -> TypeId {
        let ty = self.tag_of(ty).map_or(ty, |(plain, _)| plain);
        if let Some(&id) = self.tagged.ids.get(&(ty, tag)) {
            return id;
        }
        let tagged = TaggedType { content: self.get(ty), untagged: self.untagged(ty), tag: Some((ty, tag)) };
        let id = self.tagged.add(tagged);
        self.tagged.ids.insert((ty, tag), id);
        id
    }

    /// The tag on a type, and the type without it.
    pub(crate) fn tag_of(&self, ty: TypeId) -> Option<(TypeId, Tag)> {
        self.tagged.find(ty)?.tag
    }

    /// The type without tags on it and within it.
    pub(crate) fn untagged(&self, ty: TypeId) -> TypeId {
        self.tagged.find(ty).map_or(ty, |tagged| tagged.untagged)
    }

    /// Forgets all tagged types.
    pub(crate) fn drop_tagged(&mut self) {
        self.tagged = TaggedTypes::default();
        self.ids.retain(|_, id| id.0 < FIRST_TAGGED);
    }

    /// The id of a pointer to or an array of a tagged type; `None` if what is inside has no tags.
    pub(super) fn intern_tagged(&mut self, ty: Type) -> Option<TypeId> {
        let plain = match ty {
            Type::Array { elem, len } => Type::Array { elem: self.untagged(elem), len },
            Type::Pointer { space, pointee, is_const } => {
                Type::Pointer { space, pointee: self.untagged(pointee), is_const }
            }
            _ => return None,
        };
        if plain == ty {
            return None;
        }
        let untagged = self.intern(plain);
        let id = self.tagged.add(TaggedType { content: ty, untagged, tag: None });
        self.ids.insert(ty, id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{AddressSpace, Scalar};

    #[test]
    fn tagged_types_differ_and_are_one_without_their_tags() {
        let mut types = TypeTable::default();
        let int = types.intern(Type::Scalar(Scalar::I32));
        let (a, b) = (types.tag(int, Tag(1)), types.tag(int, Tag(2)));
        assert!(a != int && b != int && a != b);
        assert_eq!(types.tag(int, Tag(1)), a);
        assert_eq!(types.tag(a, Tag(2)), b, "a tag replaces the one before");
        assert_eq!(types.get(a), Type::Scalar(Scalar::I32));
        assert_eq!(types.tag_of(a), Some((int, Tag(1))));

        let pointer = |pointee| Type::Pointer { space: AddressSpace::Device, pointee, is_const: false };
        let (to_a, to_b) = (types.intern(pointer(a)), types.intern(pointer(b)));
        assert_ne!(to_a, to_b);
        assert_eq!(types.intern(pointer(a)), to_a);
        assert_eq!(types.get(to_a), pointer(a));
        let plain = types.intern(pointer(int));
        assert_eq!((types.untagged(to_a), types.untagged(to_b)), (plain, plain));
        assert_eq!((types.size_bytes(to_a), types.depth(to_a)), (8, 1));
    }

    #[test]
    fn structs_and_tables_hold_no_tagged_types() {
        let mut types = TypeTable::default();
        let int = types.intern(Type::Scalar(Scalar::I32));
        let tagged = types.tag(int, Tag(0));
        let array = types.intern(Type::Array { elem: tagged, len: 3 });
        let id = types.add_struct("S".into(), vec![("a".into(), array)], false).expect("it is small");
        let plain = types.find(Type::Array { elem: int, len: 3 });
        assert_eq!(plain, Some(types.get_struct(id).fields[0].ty));
        let count = types.len();
        types.drop_tagged();
        assert_eq!(types.len(), count);
        assert_eq!(types.find(Type::Array { elem: tagged, len: 3 }), None);
    }
}

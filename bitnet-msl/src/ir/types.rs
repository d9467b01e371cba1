//! Types of the IR, interned in a [`TypeTable`], with MSL's sizes and alignments (MSL specification, chapter 2).

mod tags;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub(crate) use tags::Tag;
use tags::TaggedTypes;

/// Scalar types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scalar {
    /// `bool`, one byte in memory.
    Bool,
    /// `char`
    I8,
    /// `uchar`
    U8,
    /// `short`
    I16,
    /// `ushort`
    U16,
    /// `int`
    I32,
    /// `uint`
    U32,
    /// `long`
    I64,
    /// `ulong`
    U64,
    /// `half`
    F16,
    /// `bfloat`
    BF16,
    /// `float`
    F32,
}

impl Scalar {
    /// All scalars, in order of rank.
    pub const ALL: [Scalar; 12] = [
        Scalar::Bool,
        Scalar::I8,
        Scalar::U8,
        Scalar::I16,
        Scalar::U16,
        Scalar::I32,
        Scalar::U32,
        Scalar::I64,
        Scalar::U64,
        Scalar::F16,
        Scalar::BF16,
        Scalar::F32,
    ];

    /// Size in bytes, which is also the alignment.
    pub fn size_bytes(self) -> u32 {
        match self {
            Scalar::Bool | Scalar::I8 | Scalar::U8 => 1,
            Scalar::I16 | Scalar::U16 | Scalar::F16 | Scalar::BF16 => 2,
            Scalar::I32 | Scalar::U32 | Scalar::F32 => 4,
            Scalar::I64 | Scalar::U64 => 8,
        }
    }

    /// `half`, `bfloat`, `float`.
    pub fn is_float(self) -> bool {
        matches!(self, Scalar::F16 | Scalar::BF16 | Scalar::F32)
    }

    /// Integers, `bool` excluded.
    pub fn is_int(self) -> bool {
        !self.is_float() && self != Scalar::Bool
    }

    /// Signed integers.
    pub fn is_signed(self) -> bool {
        matches!(self, Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64)
    }

    /// The name MSL gives the type.
    pub fn msl_name(self) -> &'static str {
        match self {
            Scalar::Bool => "bool",
            Scalar::I8 => "char",
            Scalar::U8 => "uchar",
            Scalar::I16 => "short",
            Scalar::U16 => "ushort",
            Scalar::I32 => "int",
            Scalar::U32 => "uint",
            Scalar::I64 => "long",
            Scalar::U64 => "ulong",
            Scalar::F16 => "half",
            Scalar::BF16 => "bfloat",
            Scalar::F32 => "float",
        }
    }
}

/// Address spaces (MSL specification, chapter 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AddressSpace {
    /// Buffers that may be written.
    Device,
    /// Buffers and program-scope data that may only be read.
    Constant,
    /// Memory that the threads of a threadgroup share.
    Threadgroup,
    /// Memory of one thread.
    Thread,
}

impl AddressSpace {
    /// The keyword.
    pub fn msl_name(self) -> &'static str {
        match self {
            AddressSpace::Device => "device",
            AddressSpace::Constant => "constant",
            AddressSpace::Threadgroup => "threadgroup",
            AddressSpace::Thread => "thread",
        }
    }
}

/// An interned [`Type`]. Equal types have equal ids within one [`TypeTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeId(pub u32);

/// A struct of a [`TypeTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StructId(pub u32);

/// A type. References have become pointers by the time they reach the IR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// `void`
    Void,
    /// A scalar.
    Scalar(Scalar),
    /// `float4`, `packed_float3`: `len` is 2 to 4.
    Vector {
        /// Component type.
        elem: Scalar,
        /// Number of components.
        len: u8,
        /// Aligned like its component, and size not rounded up.
        packed: bool,
    },
    /// `float3x4`: `cols` columns, each a vector of `rows`; `m[c][r]`.
    Matrix {
        /// `half` or `float`.
        elem: Scalar,
        /// Columns, 2 to 4.
        cols: u8,
        /// Rows, 2 to 4.
        rows: u8,
    },
    /// `T[len]`
    Array {
        /// Element type.
        elem: TypeId,
        /// Number of elements, at least 1.
        len: u32,
    },
    /// A struct.
    Struct(StructId),
    /// `space T *`. `is_const` says that the pointee may not be written through it.
    Pointer {
        /// Address space of the pointee.
        space: AddressSpace,
        /// What it points to.
        pointee: TypeId,
        /// `const T *`.
        is_const: bool,
    },
    /// `atomic<T>`.
    Atomic(Scalar),
}

/// A data member and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: TypeId,
    /// Bytes from the start of the struct.
    pub offset_bytes: u32,
}

/// A struct with its layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructType {
    /// Name, as diagnostics print it.
    pub name: String,
    /// Members in order. Members of a union all lie at offset 0.
    pub fields: Vec<Field>,
    /// Size, rounded up to the alignment.
    pub size_bytes: u32,
    /// Alignment.
    pub align_bytes: u32,
    /// Members share their bytes.
    pub is_union: bool,
}

/// What [`TypeTable::lay_out`] finds.
pub(super) struct StructLayout {
    pub(super) offsets_bytes: Vec<u32>,
    pub(super) size_bytes: u32,
    pub(super) align_bytes: u32,
}

/// Largest size a type may have; larger ones are refused by the checker.
pub const MAX_TYPE_SIZE_BYTES: u64 = 1 << 30;

/// Most types within each other that a type may have, so that walks into a type end. The checker refuses
/// declarations that come near, since expressions take addresses of what is declared.
pub const MAX_TYPE_DEPTH: u32 = 512;

/// All types of a module.
#[derive(Clone, Debug, Default)]
pub struct TypeTable {
    types: Vec<Type>,
    ids: HashMap<Type, TypeId>,
    structs: Vec<StructType>,
    /// By type, how many types are within each other: of a pointer to an array of floats, two.
    depths: Vec<u32>,
    /// Types that the checker tells apart. The IR never sees them.
    tagged: TaggedTypes,
}

impl TypeTable {
    /// The id of a type, made on first use.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(&id) = self.ids.get(&ty) {
            return id;
        }
        if let Some(id) = self.intern_tagged(ty) {
            return id;
        }
        let id = TypeId(self.types.len() as u32);
        self.depths.push(self.depth_of(ty));
        self.types.push(ty);
        self.ids.insert(ty, id);
        id
    }

    /// How many types are within each other in a type: none in a scalar or vector, two in a pointer to an array of
    /// floats.
    pub fn depth(&self, id: TypeId) -> u32 {
        self.depths[self.untagged(id).0 as usize]
    }

    /// The depth of a type that is made of types of this table.
    fn depth_of(&self, ty: Type) -> u32 {
        let around = |id: TypeId| self.depths.get(id.0 as usize).map_or(0, |depth| depth + 1);
        match ty {
            Type::Void | Type::Scalar(_) | Type::Vector { .. } | Type::Matrix { .. } | Type::Atomic(_) => 0,
            Type::Array { elem: inner, .. } | Type::Pointer { pointee: inner, .. } => around(inner),
            Type::Struct(id) => {
                let fields = self.structs.get(id.0 as usize).map_or(&[][..], |found| &found.fields);
                fields.iter().map(|field| around(field.ty)).max().unwrap_or(0)
            }
        }
    }

    /// The id of a type, if it has one.
    pub fn find(&self, ty: Type) -> Option<TypeId> {
        self.ids.get(&ty).copied()
    }

    /// The type with this id.
    pub fn get(&self, id: TypeId) -> Type {
        self.tagged.content(id).unwrap_or_else(|| self.types[id.0 as usize])
    }

    /// How many types there are; ids are `0..len`.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there are no types.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Adds a struct whose members are laid out in order (or on top of each other for a union).
    /// Returns `None` if its size would pass [`MAX_TYPE_SIZE_BYTES`].
    pub fn add_struct(
        &mut self,
        name: String,
        fields: Vec<(String, TypeId)>,
        is_union: bool,
    ) -> Option<StructId> {
        let types: Vec<TypeId> = fields.iter().map(|(_, ty)| self.untagged(*ty)).collect();
        let StructLayout { offsets_bytes, size_bytes, align_bytes } = self.lay_out(&types, is_union)?;
        let fields = fields.into_iter().zip(types).zip(offsets_bytes);
        let fields = fields.map(|(((name, _), ty), offset_bytes)| Field { name, ty, offset_bytes }).collect();
        self.structs.push(StructType { name, fields, size_bytes, align_bytes, is_union });
        Some(StructId(self.structs.len() as u32 - 1))
    }

    /// Where the members of a struct (or union) lie. `None` if its size would pass [`MAX_TYPE_SIZE_BYTES`].
    pub(super) fn lay_out(&self, fields: &[TypeId], is_union: bool) -> Option<StructLayout> {
        let (mut size, mut align) = (0u64, 1u64);
        let mut offsets_bytes = Vec::with_capacity(fields.len());
        for &ty in fields {
            let (field_size, field_align) = (u64::from(self.size_bytes(ty)), u64::from(self.align_bytes(ty)));
            let offset = if is_union { 0 } else { size.next_multiple_of(field_align) };
            offsets_bytes.push(u32::try_from(offset).ok()?);
            size = size.max(offset + field_size);
            align = align.max(field_align);
            if size > MAX_TYPE_SIZE_BYTES {
                return None;
            }
        }
        // An empty struct takes one byte, as in C++.
        let size_bytes = size.max(1).next_multiple_of(align) as u32;
        Some(StructLayout { offsets_bytes, size_bytes, align_bytes: align as u32 })
    }

    /// The struct with this id.
    pub fn get_struct(&self, id: StructId) -> &StructType {
        &self.structs[id.0 as usize]
    }

    /// All structs.
    pub fn structs(&self) -> &[StructType] {
        &self.structs
    }

    /// Size in bytes as `sizeof` gives it. `void` has none and gives 0.
    pub fn size_bytes(&self, id: TypeId) -> u32 {
        match self.get(id) {
            Type::Void => 0,
            Type::Scalar(s) | Type::Atomic(s) => s.size_bytes(),
            Type::Vector { elem, len, packed: true } => elem.size_bytes() * u32::from(len),
            Type::Vector { elem, len, packed: false } => elem.size_bytes() * padded_len(len),
            Type::Matrix { elem, cols, rows } => elem.size_bytes() * padded_len(rows) * u32::from(cols),
            Type::Array { elem, len } => {
                (u64::from(self.size_bytes(elem)) * u64::from(len)).min(u64::from(u32::MAX)) as u32
            }
            Type::Struct(s) => self.get_struct(s).size_bytes,
            Type::Pointer { .. } => 8,
        }
    }

    /// Alignment in bytes.
    pub fn align_bytes(&self, id: TypeId) -> u32 {
        match self.get(id) {
            Type::Void => 1,
            Type::Scalar(s) | Type::Atomic(s) => s.size_bytes(),
            Type::Vector { elem, packed: true, .. } => elem.size_bytes(),
            Type::Vector { elem, len, packed: false } => elem.size_bytes() * padded_len(len),
            Type::Matrix { elem, rows, .. } => elem.size_bytes() * padded_len(rows),
            Type::Array { elem, .. } => self.align_bytes(elem),
            Type::Struct(s) => self.get_struct(s).align_bytes,
            Type::Pointer { .. } => 8,
        }
    }

    /// How many parts an aggregate has: components, columns, elements or members. `None` for others.
    pub fn part_count(&self, id: TypeId) -> Option<u32> {
        match self.get(id) {
            Type::Vector { len, .. } => Some(u32::from(len)),
            Type::Matrix { cols, .. } => Some(u32::from(cols)),
            Type::Array { len, .. } => Some(len),
            Type::Struct(s) => Some(self.get_struct(s).fields.len() as u32),
            Type::Void | Type::Scalar(_) | Type::Pointer { .. } | Type::Atomic(_) => None,
        }
    }

    /// A part of an aggregate by index: its type, and its offset in bytes.
    pub fn part(&self, id: TypeId, index: u32) -> Option<(Type, u32)> {
        if index >= self.part_count(id)? {
            return None;
        }
        match self.get(id) {
            Type::Vector { elem, .. } => Some((Type::Scalar(elem), elem.size_bytes() * index)),
            Type::Matrix { elem, rows, .. } => {
                let column = Type::Vector { elem, len: rows, packed: false };
                Some((column, elem.size_bytes() * padded_len(rows) * index))
            }
            Type::Array { elem, .. } => {
                Some((self.get(elem), (u64::from(self.size_bytes(elem)) * u64::from(index)) as u32))
            }
            Type::Struct(s) => {
                let field = &self.get_struct(s).fields[index as usize];
                Some((self.get(field.ty), field.offset_bytes))
            }
            Type::Void | Type::Scalar(_) | Type::Pointer { .. } | Type::Atomic(_) => None,
        }
    }

    /// The type as MSL writes it: `device const float *`, `uint3`, `Params`.
    pub fn display(&self, id: TypeId) -> String {
        self.display_tagged(id, &|_, text| text)
    }

    /// The same, where `name` gives a tagged type its name from that of the type without the tag.
    pub(crate) fn display_tagged(&self, id: TypeId, name: &dyn Fn(Tag, String) -> String) -> String {
        if let Some((plain, tag)) = self.tag_of(id) {
            return name(tag, self.display_tagged(plain, name));
        }
        match self.get(id) {
            Type::Void => "void".into(),
            Type::Scalar(s) => s.msl_name().into(),
            Type::Vector { elem, len, packed } => {
                format!("{}{}{len}", if packed { "packed_" } else { "" }, elem.msl_name())
            }
            Type::Matrix { elem, cols, rows } => format!("{}{cols}x{rows}", elem.msl_name()),
            Type::Array { elem, len } => format!("{}[{len}]", self.display_tagged(elem, name)),
            Type::Struct(s) => self.get_struct(s).name.clone(),
            Type::Pointer { space, pointee, is_const } => {
                let constness = if is_const && space != AddressSpace::Constant { "const " } else { "" };
                format!("{} {constness}{} *", space.msl_name(), self.display_tagged(pointee, name))
            }
            Type::Atomic(s) => format!("atomic_{}", s.msl_name()),
        }
    }
}

/// 3-vectors take the room of 4-vectors.
fn padded_len(len: u8) -> u32 {
    if len == 3 { 4 } else { u32::from(len) }
}

/// Types and structs in order; the ids are their places. What is read need not keep any rule: the verifier looks.
impl Serialize for TypeTable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.types, &self.structs).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TypeTable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (types, structs) = <(Vec<Type>, Vec<StructType>)>::deserialize(deserializer)?;
        let mut table = Self { structs, ..Self::default() };
        for (id, ty) in (0u32..).zip(types) {
            table.depths.push(table.depth_of(ty));
            table.types.push(ty);
            table.ids.insert(ty, TypeId(id));
        }
        Ok(table)
    }
}

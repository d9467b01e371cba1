//! What a module's kernels take: parameters, struct layouts, threadgroup memory.

use crate::ir::{
    AddressSpace, Binding, GlobalId, GlobalKind, Kernel, Module, Op, Scalar, StructId, ThreadAttribute, Type,
    TypeId, TypeTable,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// A kernel, as a host sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelInfo {
    /// Name that hosts use.
    pub name: String,
    /// Parameters, in order of declaration.
    pub params: Vec<ParamInfo>,
    /// Structs that the buffers hold, inner ones before outer ones.
    pub structs: Vec<StructInfo>,
    /// Bytes of threadgroup memory that the kernel itself declares.
    pub threadgroup_bytes: u32,
    /// `[[max_total_threads_per_threadgroup(n)]]`.
    pub max_total_threads: Option<u32>,
}

impl KernelInfo {
    /// The parameter bound to a buffer index.
    pub fn buffer(&self, index: u32) -> Option<&ParamInfo> {
        self.params.iter().find(|param| param.source == ParamSource::Buffer && param.index == Some(index))
    }

    /// Threadgroup memory whose length the host sets.
    pub fn dynamic_threadgroup(&self) -> impl Iterator<Item = &ParamInfo> {
        self.params.iter().filter(|param| param.source == ParamSource::Threadgroup)
    }

    /// The struct with this name.
    pub fn struct_named(&self, name: &str) -> Option<&StructInfo> {
        self.structs.iter().find(|info| info.name == name)
    }
}

/// Where a parameter's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamSource {
    /// A buffer of the host.
    Buffer,
    /// Threadgroup memory whose length the host sets.
    Threadgroup,
    /// The position of the thread, or a size: [`ParamInfo::attribute`] says which.
    Attribute,
}

/// What a kernel may do with a parameter's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// `constant`, or `const`.
    Read,
    /// Anything else.
    ReadWrite,
}

/// A parameter of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParamInfo {
    /// Name.
    pub name: String,
    /// The type as MSL writes it.
    pub type_name: String,
    /// Where its value comes from.
    pub source: ParamSource,
    /// Index of the buffer or threadgroup memory.
    pub index: Option<u32>,
    /// The attribute, for values.
    #[serde(serialize_with = "attribute_name")]
    pub attribute: Option<ThreadAttribute>,
    /// Address space of what it points to: `device`, `constant`, `threadgroup`; none for values.
    pub space: Option<&'static str>,
    /// The pointee may not be written through it.
    pub is_const: bool,
    /// Declared as a reference: the host binds one whole element.
    pub is_reference: bool,
    /// What may be done with the memory.
    pub access: Access,
    /// What it points to; for values, what they are.
    pub element: ElementInfo,
    /// Bytes of one element.
    pub size_bytes: u32,
    /// Alignment of an element.
    pub align_bytes: u32,
}

/// A type in a buffer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementInfo {
    /// `float`
    #[serde(serialize_with = "scalar_name")]
    Scalar(Scalar),
    /// `float4`, `packed_float3`
    Vector {
        /// Component.
        #[serde(serialize_with = "scalar_name")]
        elem: Scalar,
        /// Number of components.
        len: u8,
        /// Without padding.
        packed: bool,
    },
    /// `float4x4`
    Matrix {
        /// Component.
        #[serde(serialize_with = "scalar_name")]
        elem: Scalar,
        /// Columns.
        cols: u8,
        /// Rows.
        rows: u8,
    },
    /// `T[len]`
    Array {
        /// Element.
        elem: Box<ElementInfo>,
        /// Number of elements.
        len: u32,
    },
    /// A struct, by name.
    Struct(String),
    /// `atomic<T>`
    #[serde(serialize_with = "scalar_name")]
    Atomic(Scalar),
    /// A pointer inside a struct.
    Pointer,
    /// `void`
    Void,
}

fn attribute_name<S: serde::Serializer>(
    attribute: &Option<ThreadAttribute>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    attribute.map(ThreadAttribute::mnemonic).serialize(serializer)
}

fn scalar_name<S: serde::Serializer>(scalar: &Scalar, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(scalar.msl_name())
}

/// The layout of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StructInfo {
    /// Name.
    pub name: String,
    /// Size, padding at the end included.
    pub size_bytes: u32,
    /// Alignment.
    pub align_bytes: u32,
    /// Members in order.
    pub fields: Vec<FieldInfo>,
}

/// A member of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldInfo {
    /// Name.
    pub name: String,
    /// The type as MSL writes it.
    pub type_name: String,
    /// The type.
    pub element: ElementInfo,
    /// Bytes from the start of the struct.
    pub offset_bytes: u32,
    /// Size.
    pub size_bytes: u32,
    /// Alignment.
    pub align_bytes: u32,
}

/// Describes every kernel of a module, in source order.
pub fn reflect(module: &Module) -> Vec<KernelInfo> {
    module.kernels.iter().map(|kernel| kernel_info(module, kernel)).collect()
}

fn kernel_info(module: &Module, kernel: &Kernel) -> KernelInfo {
    let types = &module.types;
    let mut structs = Vec::new();
    for param in &kernel.params {
        collect_structs(types, pointee(types, param.ty).0, &mut structs);
    }
    KernelInfo {
        name: kernel.name.clone(),
        params: kernel.params.iter().map(|p| param_info(types, &p.name, p.ty, p.binding)).collect(),
        structs: structs.into_iter().map(|id| struct_info(types, id)).collect(),
        threadgroup_bytes: threadgroup_bytes(module, kernel),
        max_total_threads: kernel.max_total_threads_per_threadgroup,
    }
}

/// What a parameter points to with space and constness; a value stands for itself.
fn pointee(types: &TypeTable, ty: TypeId) -> (TypeId, Option<AddressSpace>, bool) {
    match types.get(ty) {
        Type::Pointer { space, pointee, is_const } => {
            (pointee, Some(space), is_const || space == AddressSpace::Constant)
        }
        _ => (ty, None, true),
    }
}

fn param_info(types: &TypeTable, name: &str, ty: TypeId, binding: Binding) -> ParamInfo {
    let (element, space, is_const) = pointee(types, ty);
    let (source, index, attribute, is_reference) = match binding {
        Binding::Buffer { index, is_reference } => (ParamSource::Buffer, Some(index), None, is_reference),
        Binding::Threadgroup { index } => (ParamSource::Threadgroup, Some(index), None, false),
        Binding::Attribute(attribute) => (ParamSource::Attribute, None, Some(attribute), false),
    };
    let pointer_name = types.display(ty);
    let type_name = match pointer_name.strip_suffix('*') {
        Some(base) if is_reference => format!("{base}&"),
        _ => pointer_name,
    };
    ParamInfo {
        name: name.to_string(),
        type_name,
        source,
        index,
        attribute,
        space: space.map(AddressSpace::msl_name),
        is_const,
        is_reference,
        access: if is_const { Access::Read } else { Access::ReadWrite },
        element: element_info(types, element),
        size_bytes: types.size_bytes(element),
        align_bytes: types.align_bytes(element),
    }
}

fn element_info(types: &TypeTable, ty: TypeId) -> ElementInfo {
    match types.get(ty) {
        Type::Void => ElementInfo::Void,
        Type::Scalar(scalar) => ElementInfo::Scalar(scalar),
        Type::Vector { elem, len, packed } => ElementInfo::Vector { elem, len, packed },
        Type::Matrix { elem, cols, rows } => ElementInfo::Matrix { elem, cols, rows },
        Type::Array { elem, len } => ElementInfo::Array { elem: Box::new(element_info(types, elem)), len },
        Type::Struct(id) => ElementInfo::Struct(types.get_struct(id).name.clone()),
        Type::Pointer { .. } => ElementInfo::Pointer,
        Type::Atomic(scalar) => ElementInfo::Atomic(scalar),
    }
}

/// Adds the structs of a type that are not listed yet. Structs hold each other by value, so this ends.
fn collect_structs(types: &TypeTable, ty: TypeId, found: &mut Vec<StructId>) {
    match types.get(ty) {
        Type::Array { elem, .. } => collect_structs(types, elem, found),
        Type::Struct(id) if !found.contains(&id) => {
            for field in &types.get_struct(id).fields {
                collect_structs(types, field.ty, found);
            }
            found.push(id);
        }
        _ => {}
    }
}

fn struct_info(types: &TypeTable, id: StructId) -> StructInfo {
    let definition = types.get_struct(id);
    let field_info = |field: &crate::ir::Field| FieldInfo {
        name: field.name.clone(),
        type_name: types.display(field.ty),
        element: element_info(types, field.ty),
        offset_bytes: field.offset_bytes,
        size_bytes: types.size_bytes(field.ty),
        align_bytes: types.align_bytes(field.ty),
    };
    StructInfo {
        name: definition.name.clone(),
        size_bytes: definition.size_bytes,
        align_bytes: definition.align_bytes,
        fields: definition.fields.iter().map(field_info).collect(),
    }
}

/// Threadgroup memory of a kernel: the variables that it and the functions it calls name, each aligned.
fn threadgroup_bytes(module: &Module, kernel: &Kernel) -> u32 {
    let mut globals = BTreeSet::new();
    let mut seen = BTreeSet::from([kernel.function]);
    let mut queue = vec![kernel.function];
    while let Some(id) = queue.pop() {
        for inst in &module.function(id).insts {
            match &inst.op {
                Op::GlobalAddr(global) => {
                    globals.insert(*global);
                }
                Op::Call(callee, _) if seen.insert(*callee) => queue.push(*callee),
                _ => {}
            }
        }
    }
    let total = globals.into_iter().fold(0u64, |size, GlobalId(index)| {
        let global = &module.globals[index as usize];
        match global.kind {
            GlobalKind::Threadgroup => {
                let start = size.next_multiple_of(u64::from(module.types.align_bytes(global.ty)));
                start + u64::from(module.types.size_bytes(global.ty))
            }
            GlobalKind::Constant(_) => size,
        }
    });
    u32::try_from(total).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

//! Kernels: what hosts can start, and where its parameters come from (MSL specification, 5.2).

use super::Checker;
use super::attrs::ParamAttribute;
use super::function::{FunctionIndex, Param};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, Binding, FuncId, Kernel, KernelParam, Scalar, ThreadAttribute, Type};
use crate::source::Span;
use std::rc::Rc;

/// Indices of a group: 0 to 30.
const MAX_INDEX: u32 = 30;

/// Largest threadgroup.
const MAX_THREADS: i128 = 1024;

/// A parameter whose source is known but for an index that was left out.
enum Source {
    Buffer { index: Option<u32>, is_reference: bool },
    Threadgroup { index: Option<u32> },
    Thread(ThreadAttribute),
}

/// The indices of one group, each with the parameter that has it.
#[derive(Default)]
struct Indices {
    taken: Vec<(u32, Span)>,
}

impl Indices {
    fn first_free(&self) -> u32 {
        (0..).find(|index| !self.taken.iter().any(|(taken, _)| taken == index)).unwrap_or(u32::MAX)
    }
}

impl<'a> Checker<'a> {
    /// Kernels return void.
    pub(super) fn check_kernel_result(&mut self, decl: &'a ast::FunctionDecl, index: FunctionIndex) {
        let signature = Rc::clone(&self.functions.get(index).signature);
        if self.ty(signature.ret.ty) != Type::Void || signature.ret_reference.is_some() {
            let shown = self.display(signature.ret.ty);
            self.report(
                Diagnostic::new(
                    Code::E0504,
                    decl.ret.span,
                    format!("kernel `{}` returns `{shown}`", decl.name.name),
                )
                .at("kernels return void")
                .note("write results to a device buffer [MSL 5.1]"),
            );
        }
    }

    /// Makes a function with a body known to hosts.
    pub(super) fn register_kernel(&mut self, index: FunctionIndex, attrs: &'a [ast::Attr], span: Span) {
        let info = self.functions.get(index);
        let (decl, signature, default_name) = (info.decl, Rc::clone(&info.signature), info.name.clone());
        let name = match attrs.iter().find(|attr| attr.name.name == "host_name") {
            Some(attr) => self.attribute_string(attr).map(str::to_owned),
            None => Some(default_name),
        };
        let mut max_threads = None;
        for attr in attrs.iter().chain(&decl.attrs) {
            if attr.name.name == "max_total_threads_per_threadgroup" {
                max_threads = self.max_threads(attr);
            }
        }
        let params = self.kernel_params(&decl.params, &signature.params);
        let (Some(name), Some(params)) = (name, params) else { return };
        if let Some(other) = self.kernels.iter().find(|kernel| kernel.name == name) {
            let diagnostic =
                Diagnostic::new(Code::E0512, span, format!("there are two kernels named `{name}`"))
                    .label(other.span, "first one here")
                    .note("hosts find kernels by name");
            self.report(diagnostic);
            return;
        }
        self.kernels.push(Kernel {
            name,
            function: FuncId(index.0),
            params,
            max_total_threads_per_threadgroup: max_threads,
            span,
        });
    }

    fn max_threads(&mut self, attr: &'a ast::Attr) -> Option<u32> {
        let value = self.attribute_number(attr)?;
        if !(1..=MAX_THREADS).contains(&value) {
            self.error(
                Code::E0511,
                attr.name.span,
                format!("a threadgroup has 1 to {MAX_THREADS} threads, not {value}"),
            );
            return None;
        }
        Some(value as u32)
    }

    /// Where each parameter comes from. `None` if one of them is wrong.
    fn kernel_params(
        &mut self,
        decls: &'a [ast::ParamDecl],
        params: &[Param<'a>],
    ) -> Option<Vec<KernelParam>> {
        let sources: Vec<Option<Source>> =
            decls.iter().zip(params).map(|(decl, param)| self.source(decl, param)).collect();
        let sources: Vec<Source> = sources.into_iter().collect::<Option<_>>()?;
        self.check_widths(params, &sources);
        let (mut buffers, mut threadgroups) = (Indices::default(), Indices::default());
        let mut distinct = true;
        for (source, param) in sources.iter().zip(params) {
            distinct &= match source {
                Source::Buffer { index: Some(index), .. } => {
                    self.take(&mut buffers, *index, param.span, "buffer")
                }
                Source::Threadgroup { index: Some(index) } => {
                    self.take(&mut threadgroups, *index, param.span, "threadgroup")
                }
                _ => true,
            };
        }
        let mut result = Vec::with_capacity(params.len());
        for (source, param) in sources.into_iter().zip(params) {
            let binding = match source {
                Source::Buffer { index, is_reference } => {
                    Binding::Buffer { index: self.index_or_free(index, &mut buffers, param)?, is_reference }
                }
                Source::Threadgroup { index } => {
                    Binding::Threadgroup { index: self.index_or_free(index, &mut threadgroups, param)? }
                }
                Source::Thread(attribute) => Binding::Attribute(attribute),
            };
            let name = param.name.map_or_else(String::new, |name| name.name.clone());
            let ty = self.param_type(param);
            let ty = self.builder.type_table().untagged(ty);
            result.push(KernelParam { name, ty, binding, span: param.span });
        }
        distinct.then_some(result)
    }

    fn take(&mut self, indices: &mut Indices, index: u32, span: Span, what: &str) -> bool {
        if let Some((_, first)) = indices.taken.iter().find(|(taken, _)| *taken == index) {
            self.report(
                Diagnostic::new(Code::E0502, span, format!("{what} index {index} is used twice"))
                    .label(*first, "first used here")
                    .note("each parameter of a kernel has an index of its own [MSL 5.2.1]"),
            );
            return false;
        }
        indices.taken.push((index, span));
        true
    }

    /// An index as given, or the first one free.
    fn index_or_free(&mut self, index: Option<u32>, indices: &mut Indices, param: &Param<'a>) -> Option<u32> {
        if let Some(index) = index {
            return Some(index);
        }
        let free = indices.first_free();
        if free > MAX_INDEX {
            self.error(Code::E0503, param.span, "no index is left for this parameter: all 31 are taken");
            return None;
        }
        indices.taken.push((free, param.span));
        Some(free)
    }

    /// Where a parameter comes from, by its attributes and type.
    fn source(&mut self, decl: &'a ast::ParamDecl, param: &Param<'a>) -> Option<Source> {
        let mut chosen: Option<ParamAttribute<'a>> = None;
        let mut complete = true;
        for attr in &decl.attrs {
            match self.param_attribute(attr) {
                Some(ParamAttribute::Ignored) => {}
                Some(attribute) => {
                    if chosen.replace(attribute).is_some() {
                        self.report(
                            Diagnostic::new(Code::E0508, attr.name.span, "a parameter has one source only")
                                .label(decl.attrs[0].name.span, "conflicts with this attribute"),
                        );
                        complete = false;
                    }
                }
                None => complete = false,
            }
        }
        if !complete {
            return None;
        }
        match (chosen, self.pointed_space(param)) {
            (Some(ParamAttribute::Thread(attribute, attr)), _) => self.thread_source(attribute, attr, param),
            (Some(ParamAttribute::Buffer(attr)), Some(space)) => {
                let index = self.binding_index(attr)?;
                self.buffer_source(Some(index), space, param)
            }
            (Some(ParamAttribute::Threadgroup(attr)), Some(AddressSpace::Threadgroup)) => {
                Some(Source::Threadgroup { index: Some(self.binding_index(attr)?) })
            }
            (Some(ParamAttribute::Buffer(attr) | ParamAttribute::Threadgroup(attr)), _) => {
                let shown = self.describe_param(param);
                let name = &attr.name.name;
                self.report(
                    Diagnostic::new(
                        Code::E0507,
                        param.span,
                        format!("`{shown}` cannot be a {name} parameter"),
                    )
                    .label(
                        attr.name.span,
                        format!("`{name}` needs a pointer or reference into {}", spaces_of(name)),
                    ),
                );
                None
            }
            (_, Some(AddressSpace::Threadgroup)) => Some(Source::Threadgroup { index: None }),
            (_, Some(space)) => self.buffer_source(None, space, param),
            (_, None) => {
                let shown = self.describe_param(param);
                self.report(
                    Diagnostic::new(Code::E0509, param.span, format!("nothing gives this `{shown}` a value"))
                        .note(format!("pass data as `constant {shown} &`, or name a thread attribute such as [[thread_position_in_grid]] [MSL 5.2]")),
                );
                None
            }
        }
    }

    /// The address space that a pointer or reference parameter points into.
    fn pointed_space(&self, param: &Param<'a>) -> Option<AddressSpace> {
        match (param.reference, self.ty(param.ty.ty)) {
            (Some(space), _) => Some(space),
            (None, Type::Pointer { space, .. }) => Some(space),
            _ => None,
        }
    }

    fn buffer_source(
        &mut self,
        index: Option<u32>,
        space: AddressSpace,
        param: &Param<'a>,
    ) -> Option<Source> {
        if !matches!(space, AddressSpace::Device | AddressSpace::Constant) {
            let shown = self.describe_param(param);
            self.report(
                Diagnostic::new(Code::E0506, param.span, format!("a kernel cannot take a `{shown}`"))
                    .note("kernel parameters point into device, constant or threadgroup memory [MSL 5.2]"),
            );
            return None;
        }
        let pointee = match self.ty(param.ty.ty) {
            _ if param.reference.is_some() => param.ty.ty,
            Type::Pointer { pointee, .. } => pointee,
            _ => param.ty.ty,
        };
        if self.holds_pointer(pointee) {
            let shown = self.display(pointee);
            self.error(
                Code::E0608,
                param.span,
                format!("a buffer of `{shown}` holds pointers: argument buffers are not supported"),
            );
            return None;
        }
        Some(Source::Buffer { index, is_reference: param.reference.is_some() })
    }

    fn holds_pointer(&self, ty: crate::ir::TypeId) -> bool {
        match self.ty(ty) {
            Type::Pointer { .. } => true,
            Type::Array { elem, .. } => self.holds_pointer(elem),
            Type::Struct(id) => {
                let info = self.builder.type_table().get_struct(id);
                info.fields.iter().any(|field| self.holds_pointer(field.ty))
            }
            _ => false,
        }
    }

    fn binding_index(&mut self, attr: &'a ast::Attr) -> Option<u32> {
        let index = self.attribute_number(attr)?;
        if !(0..=i128::from(MAX_INDEX)).contains(&index) {
            let name = &attr.name.name;
            self.report(
                Diagnostic::new(
                    Code::E0503,
                    attr.name.span,
                    format!("{name} index {index} is not between 0 and {MAX_INDEX}"),
                )
                .note("a kernel has 31 indices of each group"),
            );
            return None;
        }
        Some(index as u32)
    }

    fn thread_source(
        &mut self,
        attribute: ThreadAttribute,
        attr: &'a ast::Attr,
        param: &Param<'a>,
    ) -> Option<Source> {
        let shape = self.shape(param.ty.ty).filter(|_| param.reference.is_none());
        let fits = shape.is_some_and(|(elem, len)| {
            matches!(elem, Scalar::U16 | Scalar::U32) && len <= if attribute.is_vector() { 3 } else { 1 }
        });
        if !fits {
            let shown = self.describe_param(param);
            let name = attribute.mnemonic();
            let wanted = if attribute.is_vector() {
                "ushort or uint, with one to three components"
            } else {
                "one ushort or uint"
            };
            self.report(
                Diagnostic::new(Code::E0507, param.span, format!("`{name}` cannot be a `{shown}`"))
                    .label(attr.name.span, format!("this is {wanted} [MSL 5.2.3.6]")),
            );
            return None;
        }
        Some(Source::Thread(attribute))
    }

    /// Vectors among the position and size attributes have the same number of components.
    fn check_widths(&mut self, params: &[Param<'a>], sources: &[Source]) {
        let mut first: Option<(u8, Span)> = None;
        for (param, source) in params.iter().zip(sources) {
            let Source::Thread(attribute) = source else { continue };
            let Some((_, len)) = self.shape(param.ty.ty).filter(|&(_, len)| attribute.is_vector() && len > 1)
            else {
                continue;
            };
            match first {
                None => first = Some((len, param.span)),
                Some((other, at)) if other != len => {
                    self.report(
                        Diagnostic::new(Code::E0514, param.span, format!("this position has {len} components, another one {other}"))
                            .label(at, format!("{other} components"))
                            .note("vectors among the position and size attributes have the same width [MSL 5.2.3.6]"),
                    );
                    return;
                }
                Some(_) => {}
            }
        }
    }
}

fn spaces_of(attribute: &str) -> &'static str {
    if attribute == "buffer" { "device or constant memory" } else { "threadgroup memory" }
}

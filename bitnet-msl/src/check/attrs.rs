//! Attributes: which there are, and what they say of functions and parameters.

use super::Checker;
use super::suggest::closest;
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::ThreadAttribute;

/// Attributes of kernel parameters that bind memory.
const BINDINGS: &[&str] = &["buffer", "threadgroup"];

/// Attributes of functions, and of instantiations of templates.
const FUNCTION_ATTRIBUTES: &[&str] = &["host_name", "max_total_threads_per_threadgroup", "kernel"];

/// Attributes that change nothing that this front end computes.
const IGNORED: &[&str] = &[
    "unused",
    "maybe_unused",
    "nodiscard",
    "always_inline",
    "noinline",
    "likely",
    "unlikely",
    "fallthrough",
    "deprecated",
    "noreturn",
    "user",
    "id",
];

/// Attributes that MSL has and this front end does not support.
const UNSUPPORTED: &[&str] = &[
    "texture",
    "sampler",
    "stage_in",
    "visible",
    "stitchable",
    "required_threads_per_threadgroup",
    "imageblock_data",
    "function_constant",
    "patch",
    "position",
    "color",
    "vertex_id",
    "instance_id",
    "intersection",
    "payload",
    "mesh",
    "object",
    "raster_order_group",
    "amplification_id",
    "threads_per_object_threadgroup",
];

/// What an attribute of a parameter means.
#[derive(Clone, Copy, Debug)]
pub(super) enum ParamAttribute<'a> {
    /// `[[buffer(n)]]`.
    Buffer(&'a ast::Attr),
    /// `[[threadgroup(n)]]`.
    Threadgroup(&'a ast::Attr),
    /// A position, size or index.
    Thread(ThreadAttribute, &'a ast::Attr),
    /// One that changes nothing.
    Ignored,
}

/// The position attribute with this name.
pub(super) fn thread_attribute(name: &str) -> Option<ThreadAttribute> {
    ThreadAttribute::ALL.iter().copied().find(|attribute| attribute.mnemonic() == name)
}

fn is_ignored(name: &str) -> bool {
    IGNORED.contains(&name) || name.starts_with("clang::") || name.starts_with("gnu::")
}

impl<'a> Checker<'a> {
    /// What an attribute of a parameter means; reports those that mean nothing there.
    pub(super) fn param_attribute(&mut self, attr: &'a ast::Attr) -> Option<ParamAttribute<'a>> {
        let name = attr.name.name.as_str();
        if let Some(attribute) = thread_attribute(name) {
            if !attr.args.is_empty() {
                self.error(Code::E0511, attr.name.span, format!("`{name}` takes no arguments"));
                return None;
            }
            return Some(ParamAttribute::Thread(attribute, attr));
        }
        match name {
            "buffer" => Some(ParamAttribute::Buffer(attr)),
            "threadgroup" => Some(ParamAttribute::Threadgroup(attr)),
            _ if is_ignored(name) => Some(ParamAttribute::Ignored),
            _ => self.unknown_attribute(attr),
        }
    }

    /// Attributes of a function.
    pub(super) fn check_function_attributes(&mut self, decl: &'a ast::FunctionDecl) {
        for attr in &decl.attrs {
            let name = attr.name.name.as_str();
            if !FUNCTION_ATTRIBUTES.contains(&name) && !is_ignored(name) {
                self.unknown_attribute::<()>(attr);
            }
        }
        if decl.stage != ast::FunctionStage::Kernel {
            // Thread attributes on parameters of helper functions are ignored; misspelled ones are not.
            for attr in decl.params.iter().flat_map(|param| &param.attrs) {
                self.param_attribute(attr);
            }
        }
    }

    /// An attribute of a local variable: only those that change nothing.
    pub(super) fn check_ignorable_attribute(&mut self, attr: &'a ast::Attr) {
        if !is_ignored(&attr.name.name) {
            self.unknown_attribute::<()>(attr);
        }
    }

    fn unknown_attribute<T>(&mut self, attr: &ast::Attr) -> Option<T> {
        let name = attr.name.name.as_str();
        let span = attr.name.span;
        if UNSUPPORTED.contains(&name) {
            self.error(Code::E0608, span, format!("attribute `{name}` is not supported here"));
            return None;
        }
        let known = ThreadAttribute::ALL.iter().map(|attribute| attribute.mnemonic());
        let known = known.chain(BINDINGS.iter().copied()).chain(FUNCTION_ATTRIBUTES.iter().copied());
        let mut diagnostic =
            Diagnostic::new(Code::E0501, span, format!("there is no attribute `{name}` here"));
        if let Some(hint) = closest(name, known) {
            diagnostic = diagnostic.at(format!("did you mean `{hint}`?"));
        }
        self.report(diagnostic);
        None
    }

    /// The one constant argument of an attribute.
    pub(super) fn attribute_number(&mut self, attr: &'a ast::Attr) -> Option<i128> {
        let name = &attr.name.name;
        match &attr.args[..] {
            [arg] => self.constant_int(arg, "the argument of an attribute"),
            _ => {
                self.error(Code::E0511, attr.name.span, format!("`{name}` takes one number"));
                None
            }
        }
    }

    /// The one string argument of an attribute.
    pub(super) fn attribute_string(&mut self, attr: &'a ast::Attr) -> Option<&'a str> {
        match &attr.args[..] {
            [ast::Expr { kind: ast::ExprKind::Str(text), .. }] => Some(text),
            _ => {
                let name = &attr.name.name;
                self.error(Code::E0511, attr.name.span, format!("`{name}` takes one string"));
                None
            }
        }
    }
}

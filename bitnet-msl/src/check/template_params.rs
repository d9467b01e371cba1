//! The types that values may have as template parameters (C++ \[temp.param\]).

use super::Checker;
use crate::ast::{self, TemplateParam, TemplateParamKind, TypeExprKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::Type;
use crate::options::LanguageVersion;

impl<'a> Checker<'a> {
    /// Checks the value parameters of a template. What depends on other parameters is left to the instances.
    pub(super) fn check_template_params(&mut self, params: &'a [TemplateParam]) {
        for (index, param) in params.iter().enumerate() {
            if let TemplateParamKind::Value(ty, _) = &param.kind {
                self.check_value_param(ty, &params[..index]);
            }
        }
    }

    fn check_value_param(&mut self, ty: &'a ast::TypeExpr, earlier: &[TemplateParam]) {
        if matches!(ty.kind, TypeExprKind::Auto) {
            if self.options.language_version < LanguageVersion::Metal4_0 {
                self.report(
                    Diagnostic::new(
                        Code::E0609,
                        ty.span,
                        "`auto` template parameters need language version 4.0",
                    )
                    .note("write the type of the parameter; `auto` came with C++17"),
                );
            }
            return;
        }
        let TypeExprKind::Named(path) = &ty.kind else { return };
        let names_parameter = path.segments.first().is_some_and(|segment| {
            earlier.iter().any(|param| param.name.as_ref().is_some_and(|name| name.name == segment.name.name))
        });
        if names_parameter {
            return;
        }
        // A type that is not known yet may depend on a parameter in other ways.
        let Some(qual) = self.quietly(|c| c.object_type(ty)) else { return };
        let is_possible = match self.ty(qual.ty) {
            Type::Scalar(scalar) => !scalar.is_float(),
            Type::Pointer { .. } => true,
            _ => false,
        };
        if !is_possible {
            let shown = self.display_qual(qual);
            self.report(
                Diagnostic::new(
                    Code::E0320,
                    ty.span,
                    format!("a value of type `{shown}` cannot be a template parameter"),
                )
                .note(
                    "template parameters are types, integers, enumerations and pointers (C++ [temp.param])",
                ),
            );
        }
    }
}

//! Random programs as MSL.

use std::fmt::Write as _;

use crate::program::{BinOp, Expr, Function, Lanes, MAX_TRIPS, Stmt};

/// An element of memory: of the eight that the thread has, or of those that all have, which may not be there.
fn memory(pointer: usize, index: &str, lanes: Lanes) -> String {
    let pointer = ["mem", "same"][pointer];
    match lanes {
        Lanes::Apart => format!("{pointer}[tid * 8 + ({index} & 7)]"),
        Lanes::Together => format!("{pointer}[{index} & 31]"),
    }
}

fn expr_text(expr: &Expr, lanes: Lanes) -> String {
    let expr_text = |expr: &Expr| expr_text(expr, lanes);
    match expr {
        Expr::Const(n) => format!("({n})"),
        Expr::Thread => "tid".into(),
        Expr::Var(v) => format!("v{v}"),
        Expr::Component(c) => format!("vec.{}", ["x", "y", "z", "w"][*c]),
        Expr::Element(i) => format!("arr[{} & 3]", expr_text(i)),
        Expr::Bin(op, a, b) => {
            let text = format!("({} {} {})", expr_text(a), op.text(), expr_text(b));
            if matches!(op, BinOp::Lt | BinOp::Eq) { format!("int{text}") } else { text }
        }
        Expr::Choose(c, a, b) => format!("({} != 0 ? {} : {})", expr_text(c), expr_text(a), expr_text(b)),
        Expr::Call(f, a, b) => format!("f{f}({}, {}, tid, mem, same, c)", expr_text(a), expr_text(b)),
        Expr::Memory(pointer, i) => memory(*pointer, &expr_text(i), lanes),
        Expr::Constant(member) => format!("c.{}", ["a", "b"][*member]),
        Expr::Float(a, b) => format!("int(float({}) * 1.5f - float({}))", expr_text(a), expr_text(b)),
        Expr::Clip(a) => format!("clip({})", expr_text(a)),
        Expr::Lanes(f, a) => {
            format!(
                "{}({}{})",
                ["simd_sum", "simd_max", "simd_shuffle_xor"][*f],
                expr_text(a),
                ["", "", ", 1"][*f]
            )
        }
    }
}

fn block_text(block: &[Stmt], indent: usize, lanes: Lanes, out: &mut String) {
    for stmt in block {
        stmt_text(stmt, indent, lanes, out);
    }
}

fn stmt_text(stmt: &Stmt, indent: usize, lanes: Lanes, out: &mut String) {
    let expr_text = |expr: &Expr| expr_text(expr, lanes);
    let pad = "  ".repeat(indent);
    let _ = match stmt {
        Stmt::Assign(v, e) => writeln!(out, "{pad}v{v} = {};", expr_text(e)),
        Stmt::SetComponent(c, e) => {
            writeln!(out, "{pad}vec.{} = {};", ["x", "y", "z", "w"][*c], expr_text(e))
        }
        Stmt::Rotate(true) => writeln!(out, "{pad}vec = vec.yzwx;"),
        Stmt::Rotate(false) => writeln!(out, "{pad}vec.xy = vec.yx;"),
        Stmt::SetElement(i, e) => writeln!(out, "{pad}arr[{} & 3] = {};", expr_text(i), expr_text(e)),
        Stmt::SetMemory(pointer, i, e) => {
            writeln!(out, "{pad}{} = {};", memory(*pointer, &expr_text(i), lanes), expr_text(e))
        }
        Stmt::Bump(v, e) => writeln!(out, "{pad}bump(v{v}, {});", expr_text(e)),
        Stmt::If(c, then, other) => {
            let _ = writeln!(out, "{pad}if ({} > 0) {{", expr_text(c));
            block_text(then, indent + 1, lanes, out);
            if !other.is_empty() {
                let _ = writeln!(out, "{pad}}} else {{");
                block_text(other, indent + 1, lanes, out);
            }
            writeln!(out, "{pad}}}")
        }
        Stmt::For(v, limit, body) => {
            let limit = expr_text(limit);
            let _ = writeln!(out, "{pad}for (int v{v} = 0; v{v} < ({limit} & {MAX_TRIPS}); v{v}++) {{");
            block_text(body, indent + 1, lanes, out);
            writeln!(out, "{pad}}}")
        }
        Stmt::DoWhile(v, limit, body) => {
            let _ = writeln!(out, "{pad}int v{v} = 0;\n{pad}do {{");
            let _ = writeln!(out, "{pad}  v{v}++;");
            block_text(body, indent + 1, lanes, out);
            writeln!(out, "{pad}}} while (v{v} < ({} & {MAX_TRIPS}));", expr_text(limit))
        }
        Stmt::Switch(selector, sections) => {
            let _ = writeln!(out, "{pad}switch ({} & 3) {{", expr_text(selector));
            for (i, (body, breaks)) in sections.iter().enumerate() {
                let label = if i == 1 { "default".into() } else { format!("case {i}") };
                let _ = writeln!(out, "{pad}{label}: {{");
                block_text(body, indent + 1, lanes, out);
                let _ = writeln!(out, "{pad}}}{}", if *breaks { " break;" } else { "" });
            }
            writeln!(out, "{pad}}}")
        }
        Stmt::Break => writeln!(out, "{pad}break;"),
        Stmt::Continue => writeln!(out, "{pad}continue;"),
        Stmt::Return(e) => writeln!(out, "{pad}return {};", expr_text(e)),
    };
}

/// Helpers, and what the functions share.
const HEAD: &str = "#include <metal_stdlib>
using namespace metal;
struct Constants { int a; int b; };
int clip(int x) {
  if (x < -40) return -40;
  if (x > 40) { x = 40; } else { return x; }
  return x + 1;
}
void bump(thread int &x, int y) {
  if (y > 3) { x += y; return; }
  x ^= y;
}
";

/// The program as MSL.
pub(crate) fn msl(functions: &[Function], lanes: Lanes) -> String {
    let mut out = String::from(HEAD);
    for (i, function) in functions.iter().enumerate() {
        let _ = writeln!(
            out,
            "int f{i}(int v0, int v1, int tid, device int *mem, device int *same, constant Constants &c) {{"
        );
        let _ = writeln!(out, "  int v2 = 2, v3 = tid * 3, v4 = 0;");
        let _ = writeln!(out, "  int4 vec = int4(v0, v1, tid, 7);\n  int arr[4] = {{1, v0, v1, tid}};");
        if function.is_recursive {
            let _ = writeln!(out, "  if (v0 > 20) return f{i}(v0 / 2, v1, tid, mem, same, c) + v1;");
        }
        block_text(&function.body, 1, lanes, &mut out);
        let result = expr_text(&function.result, lanes);
        let _ = writeln!(out, "  return {result} + v2 + v3 + v4 + vec.x + vec.w;\n}}");
    }
    out.push_str(
        "kernel void k(device int *out [[buffer(0)]], device int *mem [[buffer(1)]], device int *same [[buffer(2)]],\n         \
         constant Constants &c [[buffer(3)]], uint i [[thread_position_in_grid]]) {\n  \
         int tid = int(i);\n  out[i] = f2(tid - 3, 11, tid, mem, same, c);\n}\n",
    );
    out
}

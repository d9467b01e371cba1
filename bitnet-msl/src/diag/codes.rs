//! The table of diagnostic codes. Codes are never reused.
//!
//! E01xx lexing and preprocessing, E02xx syntax and names, E03xx types, E04xx address spaces,
//! E05xx attributes and bindings, E06xx valid MSL that this front end does not support.

use super::Severity;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// `E0401`.
    pub name: &'static str,
    /// Usual severity.
    pub severity: Severity,
    /// One line.
    pub summary: &'static str,
    /// What the rule is, why, and what to write instead.
    pub explanation: &'static str,
}

/// Makes [`Code`] and its look-ups from the table.
macro_rules! codes {
    ($($code:ident $severity:ident $summary:literal, $explanation:literal;)*) => {
        /// A diagnostic code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $summary] $code,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            /// The code's row.
            pub fn info(self) -> CodeInfo {
                match self {
                    $(Code::$code => CodeInfo {
                        name: stringify!($code),
                        severity: Severity::$severity,
                        summary: $summary,
                        explanation: $explanation,
                    },)*
                }
            }
        }
    };
}

codes! {
    E0101 Error "character that MSL does not know",
        "The file holds a character that cannot start a token. Source text is ASCII outside comments and strings.";
    E0102 Error "comment, string or character literal without end",
        "A block comment needs `*/`, a string or character literal its closing quote on the same line.";
    E0103 Error "malformed number",
        "Numbers are decimal, hexadecimal (0x), binary (0b) or octal (0) integers with suffixes u and l, or decimal or hexadecimal floating-point numbers with suffixes f, h and bf.";
    E0104 Error "malformed preprocessor directive",
        "The directive is unknown or its operands are missing or wrong.";
    E0105 Error "unbalanced conditional directive",
        "Each #if, #ifdef and #ifndef needs an #endif; #else and #elif stand between the two, #else once and last.";
    E0106 Error "included file not found",
        "Shaders compiled at run time have no include path. Only metal_stdlib and its parts, and the files given with the source, can be included.";
    E0107 Error "macro called with wrong arguments",
        "A function-like macro takes as many arguments as it has parameters; the list ends with `)`.";
    E0108 Error "macro expansion or inclusion too deep or too large",
        "Expansion stopped at a bound that protects from endless inclusion and exponential macros.";
    E0109 Error "#error directive",
        "The source asked to stop here.";
    E0110 Warning "unknown pragma",
        "The pragma is not one that MSL defines. It was ignored.";
    E0111 Warning "macro redefined differently",
        "A macro was defined again with another body without #undef between. The later definition is used.";
    E0112 Error "malformed macro definition or use of # or ##",
        "# must stand before a parameter; ## must join two tokens that form one.";
    E0113 Warning "#warning directive",
        "The source asked to warn here.";
    E0114 Error "malformed #if expression",
        "#if takes an integer constant expression of literals, macros, defined(X), __has_include and operators.";
    E0115 Error "source too large",
        "Files beyond the size limit are refused before they are read.";
    E0116 Error "malformed string or character literal",
        "A character literal holds one character. Escapes are those of C++: \\n \\t \\r \\a \\b \\f \\v \\0 \\\\ \\' \\\" \\? and numbers in octal (\\101), hexadecimal (\\x41) or as \\u0041.";

    E0201 Error "syntax error",
        "Something else was expected here.";
    E0202 Error "nesting too deep",
        "Parentheses, blocks or types are nested beyond the limit that protects from stack overflow.";
    E0203 Error "name not found",
        "No declaration of this name is visible here. Names of the standard library live in namespace metal.";
    E0204 Error "name declared twice",
        "Two declarations of one name in one scope conflict.";
    E0205 Error "not a type",
        "The name stands where a type is needed but does not name one.";
    E0206 Error "not a value",
        "The name stands where a value is needed but names a type, a template or a namespace.";
    E0207 Error "function declared but not defined",
        "The function is called, but the file holds no body for it.";
    E0208 Error "statement out of place",
        "break stands in loops and switches, continue in loops, case and default in switches.";
    E0209 Error "template used without its arguments",
        "The template arguments could not be deduced from the call, or there are too many, too few or wrong ones.";
    E0210 Error "bound on template instantiation reached",
        "Templates that instantiate themselves without end, or into very many instances, are refused.";
    E0211 Error "declarations of one function disagree",
        "Declarations of a function that have the same parameters agree in their results, in being kernels and in being constexpr, and static comes with the first one.";
    E0212 Error "name is ambiguous",
        "Two namespaces that are visible together declare the name, and not both as functions. After `using namespace metal;` that holds for every name of the library: write `::name` or `metal::name`, or use another name.";
    E0213 Error "type declared as another kind",
        "A type is a struct, a union or an enum in all its declarations, and these words stand before the name that it was defined with only, not before an alias. An enumeration has one underlying type.";
    E0214 Error "wrong default argument",
        "A parameter gets its default argument once, in the first declaration that has one, and so do all parameters after it. It is evaluated by the caller: it can name neither parameters nor variables of functions.";
    E0215 Error "template parameter declared again",
        "The name of a template parameter keeps its meaning throughout the template: no parameter, variable or type in it, nor the template itself, can have the same name.";
    E0216 Error "function or variable called main",
        "Outside of namespaces C++ keeps the name `main` for the function that a program starts with, and that is no kernel. Use another name.";
    E0301 Error "types do not convert",
        "There is no implicit conversion between the two types. Numbers convert to each other, except that nothing but integers converts to bfloat and bfloat converts to float, not half [MSL 2.1]. Write an explicit conversion such as T(x).";
    E0302 Error "vectors do not convert to each other",
        "A vector converts implicitly neither to a vector of another type or length nor to a scalar [MSL 2.2]. Write the conversion, as in float4(v), or select components, as in v.xyz.";
    E0303 Error "const discarded",
        "A pointer or reference to const data does not convert to one that may write, nor one to volatile data to one that is not.";
    E0304 Error "pointers to different types",
        "Pointers to different types do not convert to each other implicitly. Cast within the address space: (device T *)p.";
    E0305 Error "operator not defined for these operands",
        "The operator takes no operands of these types. Vector operands need equal types; % and bit operations need integers; pointers take +, - and comparisons.";
    E0306 Error "not something that can be assigned or pointed to",
        "Assignment, ++, --, & and references need a variable, an element or a member, not a temporary value.";
    E0307 Error "write to something const",
        "The variable, member or pointee is const. Copy it to a variable of its own to change it.";
    E0308 Error "wrong swizzle",
        "A swizzle names one to four components that the vector has, from xyzw or from rgba, never mixed; on the left of an assignment no component twice [MSL 2.2].";
    E0309 Error "no such member",
        "The type has no data member of this name.";
    E0310 Error "constructor arguments do not fill the type",
        "A vector or matrix constructor takes one scalar for all components, or arguments whose components together fill it exactly [MSL 2.2.1, 2.3.1].";
    E0311 Error "no function fits the arguments",
        "Functions of this name exist, but none takes these arguments.";
    E0312 Error "call is ambiguous",
        "Two functions fit the arguments equally well. Convert an argument explicitly to choose one.";
    E0313 Error "not a function",
        "Only functions and types can be called.";
    E0314 Error "not a constant expression",
        "Array sizes, case labels, enumerators, template and attribute arguments, static_assert and the initialisers of constexpr variables are constant expressions (C++ [expr.const]): they read constexpr variables and const integers with such an initialiser, call constexpr functions, which those of the standard library are not, and neither overflow nor divide by zero nor shift too far. Initialisers of other program-scope variables have to be known before the program runs [MSL 4.2].";
    E0315 Error "bad array size or type too large",
        "Arrays have at least one element, and types a bounded size.";
    E0316 Error "wrong initialiser",
        "The initialiser has more parts than the type, or braces where the type takes none.";
    E0317 Error "return does not match the function",
        "A void function returns no value; every other function returns one.";
    E0318 Warning "function may end without a value",
        "Control can reach the end of a function that returns a value. What the caller gets then is undefined.";
    E0319 Error "atomic used like a plain variable",
        "Atomic objects are read and written by the atomic_* functions only [MSL 2.6, 6.15].";
    E0320 Error "type cannot be used here",
        "void, an incomplete struct or an unsized array cannot be the type of this variable, member, parameter or expression. Values as template parameters are integers, enumerations or pointers.";
    E0321 Error "condition is not a bool",
        "A condition is a scalar or a pointer. For vectors use all(), any() or select().";
    E0322 Error "wrong switch",
        "A switch selects on an integer or enumeration; its labels are distinct constants, with one default at most.";
    E0323 Error "cast not possible",
        "The cast has no meaning for these types. as_type needs equal sizes; pointers cast to pointers.";
    E0324 Error "static_assert failed",
        "The asserted condition is false.";
    E0325 Error "auto or decltype cannot be deduced",
        "auto needs an initialiser with a single type.";
    E0326 Error "reference not bound",
        "A reference is bound where it is declared, to a variable of its own type and address space. Vector components have no address [MSL 2.2].";
    E0327 Error "wrong subscript",
        "Arrays, pointers, vectors and matrices take one integer subscript; a constant one lies within a vector.";
    E0328 Error "case label skips an initialisation",
        "A variable declared with an initialiser in one section of a switch is visible in the next ones. Enclose the section in braces.";
    E0329 Error "struct contains itself or is not complete",
        "A struct can only be used by value after its definition; until then through pointers.";
    E0330 Error "string where no string can be",
        "Strings stand in attributes, static_assert, loggers and formats of messages only.";
    E0331 Error "format of a message is not a string literal",
        "The first argument of a logger's methods is a string literal: it is checked when the shader is compiled and stays on the host [MSL 3.2].";
    E0332 Error "wrong conversion in the format of a message",
        "Formats are those of C's printf: %d %i %u %o %x %X %c for integers, %f %e %g %a for floats, %p for pointers, with flags, width and precision, with h, hh and l for integers of 16, 8 and 64 bits. Vectors take v2, v3 or v4 before the length: %v4f for a float4, %v2hf for a half2, %v4hhu for a uchar4, %v3ld for a long3. There is no %s, %n or *. A percent sign is %%.";
    E0333 Error "arguments of a message do not fit its format",
        "A message has one argument for each conversion, of a type that the conversion prints: %d and %u take integers of up to 32 bits, %ld and %lu those of 64, %f takes half, bfloat and float. Convert the argument, or write the conversion that fits it.";
    E0334 Error "narrowing conversion in a braced list",
        "In braces a value converts only to a type that holds every value of its own, or that holds its value if it is a constant expression (C++ [dcl.init.list]): `uchar x{3}` is fine, `uchar x{i}` with an int i is not. A float never becomes an integer there. Convert explicitly, as in uchar(i), or use = or parentheses.";
    E0335 Error "constexpr function that cannot be constant",
        "A constexpr function has a return statement, and some call of it is a constant expression (C++ [dcl.constexpr]): it may not always call functions that are not constexpr, read variables that are not constant, or do what is undefined.";
    E0340 Error "struct cannot be copied",
        "A struct with an atomic member can be neither copied nor assigned, one with a const member cannot be assigned, and a volatile one is not copied as a whole: the compiler makes no copy constructor or assignment for them. Pass a pointer or reference, or copy the members one by one.";
    E0341 Error "private member",
        "The members of a class are private, and no function may name them. Declare it as a struct: its members are public.";
    E0401 Error "pointer of another address space",
        "Pointers and references keep their address space: device, constant, threadgroup and thread are different memories and no conversion or cast leads from one to another [MSL 4].";
    E0402 Error "pointer without address space",
        "Every pointer and reference names the address space it points into: device, constant, threadgroup or thread [MSL 4].";
    E0403 Error "program-scope variable outside constant memory",
        "Variables outside functions live in the constant address space [MSL 4.2].";
    E0404 Error "threadgroup variable outside a kernel",
        "Threadgroup variables are declared in the body of a kernel [MSL 4.4]. Pass helper functions a threadgroup pointer.";
    E0405 Error "threadgroup variable with an initialiser",
        "Threadgroup memory has no initial value: every thread would write it [MSL 4.4]. Let one thread assign it, then place a barrier.";
    E0406 Error "variable in this address space not possible here",
        "Local variables live in thread or, in kernels, threadgroup memory. Objects in device memory are reached through pointers only [MSL 4].";
    E0407 Error "write to constant memory",
        "The constant address space is read-only [MSL 4.2].";
    E0408 Error "program-scope variable without initialiser",
        "A constant variable gets its value where it is declared, unless it is a function constant [MSL 4.2].";
    E0501 Error "unknown attribute",
        "MSL has no attribute of this name for functions and parameters of compute code.";
    E0502 Error "binding index used twice",
        "Two parameters of one kernel cannot have the same buffer or threadgroup index [MSL 5.2.1].";
    E0503 Error "binding index too large",
        "Kernels have 31 buffer indices, 0 to 30, and 31 threadgroup indices.";
    E0504 Error "kernel returns a value",
        "Kernels return void [MSL 5.1]. Write results to a device buffer.";
    E0505 Error "kernel called",
        "Kernels are started by the host and cannot be called [MSL 5.1]. Move the shared code into a helper function.";
    E0506 Error "kernel parameter in the wrong address space",
        "Pointer and reference parameters of kernels point into device, constant or threadgroup memory [MSL 4, 5.2].";
    E0507 Error "attribute on a parameter of the wrong type",
        "Positions and sizes are ushort or uint, of one to three components; indices are one ushort or uint; buffers are pointers or references [MSL 5.2.3].";
    E0508 Error "conflicting attributes",
        "A parameter has one source: a buffer, threadgroup memory or one position attribute.";
    E0509 Error "kernel parameter with no source",
        "A parameter passed by value needs an attribute such as [[thread_position_in_grid]]. Data comes through device or constant pointers and references [MSL 5.2].";
    E0510 Error "kernel overloaded",
        "Kernels are found by name and cannot be overloaded [MSL 5.1].";
    E0511 Error "wrong attribute argument",
        "The attribute takes another number or kind of arguments.";
    E0512 Error "two kernels of one name",
        "The host finds a kernel by its name or host_name, which must be unique.";
    E0513 Error "wrong function constant",
        "A function constant is a scalar or vector in the constant address space, with an index below 65536 of its own and without initialiser [MSL 5.8].";
    E0514 Error "position attributes of different widths",
        "The position and size attributes of one kernel all have the same number of components or are scalars [MSL 5.2.3.6].";
    E0515 Error "wrong logger",
        "A logger is a variable outside of functions, `constant os_log name(\"subsystem\", \"category\");`, or os_log_default. It is called by its name and cannot be passed about here [MSL 3.2].";
    E0601 Error "part of C++ that MSL leaves out",
        "MSL has no goto, labels, virtual functions, new and delete, exceptions, dynamic_cast, typeid, thread_local or assembler [MSL 1.5].";
    E0602 Error "class template not supported yet",
        "This front end instantiates function templates; templates of structs, aliases and variables are not supported yet.";
    E0603 Error "type not supported",
        "MSL or C++ has this type, but this front end does not support it: textures, samplers, simdgroup matrices, ray tracing.";
    E0604 Error "function pointer not supported yet",
        "Functions can be called, not pointed to.";
    E0605 Error "graphics function not supported",
        "This front end compiles compute code: kernels and the functions they call.";
    E0606 Error "member function or method call not supported yet",
        "Structs hold data; methods, constructors and operators are not supported yet.";
    E0607 Error "type that MSL does not have",
        "MSL has neither double nor long long [MSL 2.1]. Use float, or long for 64-bit integers.";
    E0608 Error "language feature not supported",
        "The construct is valid C++ or MSL, but this front end does not support it.";
    E0609 Error "not available in this language version",
        "The language version that the source is compiled as does not have this: recursion came with 2.4, bfloat with 3.1, os_log with 3.2, `auto` as the type of a template parameter with 4.0.";
    E0699 Error "internal error",
        "Lowering made IR that the verifier refuses. That is a fault of this compiler, not of the source: please report it with the source.";
}

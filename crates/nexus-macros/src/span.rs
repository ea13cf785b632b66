use proc_macro2::Span;
use syn::spanned::Spanned;

/// The place of the person's code with the names of the macro: errors point there, and lints know it is not theirs.
pub(crate) fn here(code: &impl Spanned) -> Span {
    Span::call_site().located_at(code.span())
}

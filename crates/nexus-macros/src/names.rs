use syn::{Attribute, Field, LitStr, Variant, ext::IdentExt};

/// The text of `#[serde(name = "…")]`.
pub(crate) fn serde_text(attributes: &[Attribute], name: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What is malformed here is reported by serde's own derive.
        _ = attribute.parse_nested_meta(|meta| {
            if let Ok(value) = meta.value() {
                let text: LitStr = value.parse()?;
                if meta.path.is_ident(name) {
                    found = Some(text.value());
                }
            }
            Ok(())
        });
    }
    found
}

/// The event type of a variant.
pub(crate) fn event_type(variant: &Variant) -> String {
    serde_text(&variant.attrs, "rename").unwrap_or_else(|| variant.ident.unraw().to_string())
}

/// The name of a field in JSON, under `rename_all = "camelCase"`.
pub(crate) fn json_name(field: &Field) -> String {
    serde_text(&field.attrs, "rename").unwrap_or_else(|| {
        let name = field.ident.as_ref().map(|ident| ident.unraw().to_string());
        camel_case(&name.unwrap_or_default())
    })
}

/// `customer_id` → `customerId`, by the rule of serde.
fn camel_case(name: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '_' => upper = !camel.is_empty(),
            _ if upper => {
                camel.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ if camel.is_empty() => camel.push(character.to_ascii_lowercase()),
            _ => camel.push(character),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn names_follow_the_rules_of_serde() {
        for (name, camel) in [
            ("id", "id"),
            ("customer_id", "customerId"),
            ("_hidden__twice_", "hiddenTwice"),
            ("URL_of", "uRLOf"),
            ("line_2", "line2"),
        ] {
            assert_eq!(camel_case(name), camel);
        }
    }

    #[test]
    fn a_rename_wins_wherever_it_stands() {
        let fields: syn::FieldsNamed = parse_quote!({
            #[serde(default, skip_serializing_if = "Option::is_none", rename = "customer")]
            #[doc = "text"]
            customer_id: String,
            r#type: String,
        });
        let names: Vec<_> = fields.named.iter().map(json_name).collect();
        assert_eq!(names, ["customer", "type"]);
    }
}

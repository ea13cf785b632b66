use nexus_core::ports::{SchemaKind, Subject};
use serde_json::Value;

use super::{Draft, Looked, Rule, versions::members};
use crate::{
    Level,
    facts::{Facts, SchemaFile, Versions},
};

/// The annotation of a member that holds personal data: `{"key": "/customerId"}` names the member whose key it is
/// encrypted with; `false` says that it is none, whatever it is called.
const TAG: &str = "x-nexus-pii";

/// NX-SCH-005: personal data in an event is tagged, and the tag names the key that makes it unreadable when destroyed.
pub(crate) struct PersonalDataIsTagged;

impl Rule for PersonalDataIsTagged {
    fn id(&self) -> &'static str {
        "NX-SCH-005"
    }

    fn level(&self) -> Level {
        Level::Warning
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let events = facts.schemas.subjects.iter().filter(|(subject, _)| subject.kind == SchemaKind::Event);
        // Published versions cannot be changed any more; the newest is the one that can still get its tags.
        let of = |(subject, versions): (&Subject, &Versions)| {
            let newest = versions.values().next_back();
            Looked::schemas(facts, subject, newest.map(drafts).unwrap_or_default())
        };
        events.map(of).collect()
    }
}

fn drafts(file: &SchemaFile) -> Vec<Draft> {
    let Some(schema) = file.schema() else { return Vec::new() };
    members(schema).into_iter().filter_map(|(pointer, member)| draft(file, schema, &pointer, member)).collect()
}

fn draft(file: &SchemaFile, schema: &Value, pointer: &str, member: &Value) -> Option<Draft> {
    let name = pointer.rsplit('/').next().unwrap_or("");
    match member.get(TAG) {
        Some(Value::Bool(false)) => None,
        Some(tag) => {
            let key = tag.get("key").and_then(Value::as_str).filter(|key| !key.is_empty());
            let known = key.is_some_and(|key| is_member(schema, key));
            (!known).then(|| {
                let at = format!("{pointer}/{TAG}");
                let says = key.map_or_else(
                    || "says no key".to_owned(),
                    |key| format!("names the key `{key}`, which is no member"),
                );
                Draft::new(file.place(&at), at, format!("the tag of `{name}` {says}")).fix(format!(
                    "write `\"{TAG}\": {{\"key\": \"/customerId\"}}` with the member that says whose data it is"
                ))
            })
        }
        None => looks_personal(name).then(|| {
            let fix = format!(
                "tag it: `\"{TAG}\": {{\"key\": \"/customerId\"}}` with the member that says whose data it is, or \
                 `\"{TAG}\": false` when it is nobody's"
            );
            Draft::new(file.place(pointer), pointer, format!("`{name}` looks like personal data and has no tag"))
                .fix(fix)
        }),
    }
}

/// Whether a pointer into documents, such as `/customerId`, names a member that the schema declares.
fn is_member(schema: &Value, key: &str) -> bool {
    let declared: String = key.trim_start_matches('/').split('/').map(|part| format!("/properties/{part}")).collect();
    schema.pointer(&declared).is_some()
}

/// Names, without case and separators, that hold something about a person.
const PERSONAL: &[&str] = &[
    "email",
    "emailaddress",
    "mail",
    "phone",
    "phonenumber",
    "telephone",
    "mobile",
    "mobilenumber",
    "firstname",
    "lastname",
    "givenname",
    "familyname",
    "surname",
    "middlename",
    "maidenname",
    "fullname",
    "dateofbirth",
    "birthdate",
    "birthday",
    "dob",
    "ssn",
    "socialsecuritynumber",
    "nationalid",
    "taxid",
    "passport",
    "passportnumber",
    "iban",
    "creditcard",
    "creditcardnumber",
    "cardnumber",
    "cvv",
    "streetaddress",
    "street",
    "homeaddress",
    "postaladdress",
    "shippingaddress",
    "billingaddress",
    "ipaddress",
    "gender",
    "religion",
    "ethnicity",
    "licenseplate",
    "driverslicense",
];

fn looks_personal(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let ends = ["email", "emailaddress", "phonenumber", "firstname", "lastname", "dateofbirth", "ipaddress", "iban"];
    PERSONAL.contains(&plain.as_str()) || ends.iter().any(|end| plain.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_something_about_a_person_are_known() {
        for personal in ["email", "customerEmail", "first_name", "dateOfBirth", "IBAN", "ip-address"] {
            assert!(looks_personal(personal), "{personal}");
        }
        for other in ["productName", "emailed", "name", "customerId", "mobileOffers", "streets"] {
            assert!(!looks_personal(other), "{other}");
        }
    }
}

//! Built-ins whose result can be much larger than what it takes to call them.
//!
//! The time limit is looked at between two steps of an evaluation, so a single call must not be able to fill the
//! memory: `concat` of a thousand references to one long text, a text with everything printed that a structure holds
//! many times over. Each of these calls is measured before it is made. What is too large fails the evaluation.

use regorus::{Engine, Value};

/// Largest text or structure one call may make, in bytes or values.
pub(crate) const MAX_RESULT: usize = 1 << 20;

/// A built-in that is measured, with the number of its arguments.
struct Bounded {
    name: &'static str,
    arguments: u8,
    /// How large its result can be, at most; any number above [`MAX_RESULT`] when it is larger than that.
    size: fn(&[Value]) -> usize,
}

const BOUNDED: [Bounded; 10] = [
    Bounded { name: "array.concat", arguments: 2, size: everything },
    Bounded { name: "concat", arguments: 2, size: joined },
    Bounded { name: "json.marshal", arguments: 1, size: everything },
    Bounded { name: "json.marshal_with_options", arguments: 2, size: everything },
    Bounded { name: "object.union", arguments: 2, size: everything },
    Bounded { name: "object.union_n", arguments: 1, size: everything },
    Bounded { name: "regex.replace", arguments: 3, size: replaced_anywhere },
    Bounded { name: "replace", arguments: 3, size: replaced },
    Bounded { name: "sprintf", arguments: 2, size: everything },
    Bounded { name: "strings.replace_n", arguments: 2, size: replaced_many },
];

/// The number of arguments of a built-in that is measured. Its result is its value, never a further argument.
pub(crate) fn arguments_of(name: &str) -> Option<usize> {
    BOUNDED.iter().find(|bounded| bounded.name == name).map(|bounded| bounded.arguments.into())
}

/// Puts the measured calls in the place of the built-ins. With `strict`, a call that fails is an error and not undefined.
///
/// # Errors
/// Never seen: what it adds is its own.
pub(crate) fn apply(engine: &mut Engine, strict: bool) -> Result<(), String> {
    let mut original = Engine::new();
    original.set_strict_builtin_errors(true);
    let calls: String = BOUNDED.iter().map(Bounded::call).collect();
    original
        .add_policy("bounded".to_owned(), format!("package bounded\n{calls}"))
        .map_err(|error| error.to_string())?;
    for bounded in &BOUNDED {
        let mut original = original.clone();
        let call = move |arguments: Vec<Value>| bounded.measured(&mut original, arguments, strict);
        let name = bounded.name.to_owned();
        engine.add_extension(name, bounded.arguments, Box::new(call)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

impl Bounded {
    fn rule(&self) -> String {
        self.name.replace('.', "_")
    }

    /// The rule that makes the call.
    fn call(&self) -> String {
        let arguments: Vec<String> = (0..self.arguments).map(|index| format!("input[{index}]")).collect();
        format!("made_{} := {}({})\n", self.rule(), self.name, arguments.join(", "))
    }

    fn measured(&self, original: &mut Engine, arguments: Vec<Value>, strict: bool) -> anyhow::Result<Value> {
        if (self.size)(&arguments) > MAX_RESULT {
            anyhow::bail!("`{}` would make more than {MAX_RESULT} bytes", self.name);
        }
        original.set_input(Value::from(arguments));
        match original.eval_rule(format!("data.bounded.made_{}", self.rule())) {
            Err(error) if strict => Err(error),
            made => Ok(made.unwrap_or(Value::Undefined)),
        }
    }
}

/// How much there is to print or copy of these values, counting what is shared as often as it is met.
fn everything(arguments: &[Value]) -> usize {
    let mut open: Vec<&Value> = arguments.iter().collect();
    let mut size: usize = 0;
    while let Some(value) = open.pop() {
        size = size.saturating_add(1);
        match value {
            Value::String(text) => size = size.saturating_add(text.len()),
            Value::Number(_) => size = size.saturating_add(value.to_string().len()),
            Value::Array(items) => open.extend(items.iter()),
            Value::Set(items) => open.extend(items.iter_sorted()),
            Value::Object(members) => members.iter().for_each(|(name, member)| open.extend([name, member])),
            _ => {}
        }
        if size.saturating_add(open.len()) > MAX_RESULT {
            return usize::MAX;
        }
    }
    size
}

fn length(value: Option<&Value>) -> usize {
    value.and_then(|value| value.as_string().ok()).map_or(0, |text| text.len())
}

/// `concat(delimiter, texts)`.
fn joined(arguments: &[Value]) -> usize {
    let count = match arguments.get(1) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Set(items)) => items.len(),
        _ => 0,
    };
    everything(arguments).saturating_add(length(arguments.first()).saturating_mul(count))
}

/// `replace(text, old, new)`.
fn replaced(arguments: &[Value]) -> usize {
    let [text, old, new] = [0, 1, 2].map(|index| length(arguments.get(index)));
    let places = text.checked_div(old).unwrap_or(text.saturating_add(1));
    text.saturating_add(places.saturating_mul(new))
}

/// `regex.replace(text, pattern, new)`: the pattern may fit between any two characters.
fn replaced_anywhere(arguments: &[Value]) -> usize {
    let [text, new] = [0, 2].map(|index| length(arguments.get(index)));
    text.saturating_add(text.saturating_add(1).saturating_mul(new))
}

/// `strings.replace_n({old: new}, text)`.
fn replaced_many(arguments: &[Value]) -> usize {
    let longest = match arguments.first() {
        Some(Value::Object(patterns)) => patterns.iter().map(|(_, new)| length(Some(new))).max().unwrap_or(0),
        _ => 0,
    };
    let text = length(arguments.get(1));
    text.saturating_add(text.saturating_add(1).saturating_mul(longest))
}

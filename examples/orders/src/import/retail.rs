use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use nexus::{Failure, Timestamp};

/// One row of the data set, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub place: Place,
    /// The invoice number: digits, or `C` or `A` and digits.
    pub invoice: String,
    /// Product code.
    pub product: String,
    /// Product description; may be empty.
    pub description: String,
    /// Number of pieces; negative for cancellations.
    pub quantity: i64,
    /// When, read as UTC.
    pub at: Timestamp,
    /// Price of one piece.
    pub price: Price,
    /// Customer number; empty when the data has none.
    pub customer: String,
    /// Country name.
    pub country: String,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's name without its folder.
    pub file: Arc<str>,
    /// 1-based line in the uncompressed file; the header is line 1.
    pub line: u64,
}

/// A price in pounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// A whole number of pence, perhaps negative.
    Pence(i64),
    /// Finer than a penny.
    TooFine,
}

/// A row that is not one: what the file says and why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it stands.
    pub place: Place,
    /// The invoice number, as far as there is one.
    pub invoice: String,
    /// What is wrong.
    pub detail: String,
}

/// Reads whole files in the order given.
///
/// # Errors
/// When a file cannot be read, is given twice, or lacks a column.
pub fn read_files(paths: &[PathBuf]) -> Result<Vec<Result<Row, Unreadable>>, Failure> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for path in paths {
        let unusable = |error: std::io::Error| Failure::usage(format_args!("{}: {error}", path.display()));
        if !seen.insert(path.canonicalize().map_err(unusable)?) {
            return Err(Failure::usage(format_args!("{} is given twice", path.display())));
        }
        let file = BufReader::new(File::open(path).map_err(unusable)?);
        if path.extension().is_some_and(|extension| extension == "gz") {
            read_file(path, MultiGzDecoder::new(file), &mut rows)?;
        } else {
            read_file(path, file, &mut rows)?;
        }
    }
    Ok(rows)
}

const COLUMNS: [&str; 8] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];

fn read_file(path: &Path, bytes: impl Read, rows: &mut Vec<Result<Row, Unreadable>>) -> Result<(), Failure> {
    let unusable = |error: csv::Error| Failure::usage(format_args!("{}: {error}", path.display()));
    let file: Arc<str> = path.file_name().unwrap_or_default().to_string_lossy().into();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(unusable)?.clone();
    let mut columns = [0; 8];
    for (column, name) in columns.iter_mut().zip(COLUMNS) {
        *column = header.iter().position(|head| head == name).ok_or_else(|| {
            Failure::usage(format_args!("{} has no column `{name}`", path.display()))
                .hint(format_args!("the columns are {}", COLUMNS.join(",")))
        })?;
    }
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                let place = Place { file: Arc::clone(&file), line };
                rows.push(parse(columns.map(|column| record.get(column)), place));
            }
            Err(error) if error.is_io_error() => return Err(unusable(error)),
            Err(error) => {
                let place = Place { file: Arc::clone(&file), line };
                rows.push(Err(Unreadable { place, invoice: String::new(), detail: error.to_string() }));
            }
        }
    }
}

fn parse(fields: [Option<&str>; 8], place: Place) -> Result<Row, Unreadable> {
    let [invoice, product, description, quantity, at, price, customer, country] = fields;
    let invoice = invoice.unwrap_or_default().to_owned();
    let wrong = |what: &str, text: &str| Unreadable {
        place: place.clone(),
        invoice: invoice.clone(),
        detail: format!("{what} is `{text}`"),
    };
    let present = |field: Option<&str>, what: &str| field.map(str::to_owned).ok_or_else(|| wrong(what, "missing"));
    let text = present(quantity, "Quantity")?;
    let quantity = text.parse().map_err(|_| wrong("Quantity", &text))?;
    let text = present(at, "InvoiceDate")?;
    let at = format!("{}Z", text.replacen(' ', "T", 1)).parse().map_err(|_| wrong("InvoiceDate", &text))?;
    let text = present(price, "UnitPrice")?;
    let price = parse_price(&text).ok_or_else(|| wrong("UnitPrice", &text))?;
    let customer = present(customer, "CustomerID")?;
    Ok(Row {
        product: present(product, "StockCode")?,
        description: present(description, "Description")?,
        country: present(country, "Country")?,
        customer: customer.strip_suffix(".0").unwrap_or(&customer).to_owned(),
        place: place.clone(),
        invoice: invoice.clone(),
        quantity,
        at,
        price,
    })
}

/// Reads a decimal number of pounds without ever going through floating point.
fn parse_price(text: &str) -> Option<Price> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (pounds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if pounds.is_empty() || !plain(pounds) || !plain(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 2 {
        return Some(Price::TooFine);
    }
    let pence: i64 = format!("{pounds}{fraction:0<2}").parse().ok()?;
    Some(Price::Pence(if negative { -pence } else { pence }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact() {
        let cases = [
            ("2.55", Some(Price::Pence(255))),
            ("0.1", Some(Price::Pence(10))),
            ("3", Some(Price::Pence(300))),
            ("11062.0600", Some(Price::Pence(1_106_206))),
            ("-0.05", Some(Price::Pence(-5))),
            ("0.001", Some(Price::TooFine)),
            ("", None),
            (".5", None),
            ("1e3", None),
            ("1.2.3", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_price(text), expected, "{text}");
        }
    }
}

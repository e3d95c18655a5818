public import MillraceHandler

/// A value in a `with:` block that a test writes down: text, number, boolean, list or mapping.
///
/// Literals need no word for it; values out of variables do: `["root": .string(path)]`.
public struct OptionLiteral: Sendable, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    let value: JSONValue

    private init(_ value: JSONValue) { self.value = value }

    /// A text.
    public static func string(_ text: String) -> OptionLiteral { OptionLiteral(.string(text)) }
    /// A whole number.
    public static func int(_ number: Int) -> OptionLiteral { OptionLiteral(.int(number)) }
    /// A number.
    public static func double(_ number: Double) -> OptionLiteral { OptionLiteral(.double(number)) }
    /// true or false.
    public static func bool(_ flag: Bool) -> OptionLiteral { OptionLiteral(.bool(flag)) }
    /// A list.
    public static func array(_ values: [OptionLiteral]) -> OptionLiteral { OptionLiteral(.array(values.map(\.value))) }

    /// A text.
    public init(stringLiteral text: String) { self.value = .string(text) }
    /// A whole number.
    public init(integerLiteral number: Int) { self.value = .int(number) }
    /// A number.
    public init(floatLiteral number: Double) { self.value = .double(number) }
    /// true or false.
    public init(booleanLiteral flag: Bool) { self.value = .bool(flag) }
    /// A list.
    public init(arrayLiteral values: OptionLiteral...) { self.value = .array(values.map(\.value)) }
    /// A mapping.
    public init(dictionaryLiteral members: (String, OptionLiteral)...) {
        self.value = .object(members.map { ($0, $1.value) })
    }
    /// Nothing, as an empty value in the file.
    public init(nilLiteral: ()) { self.value = .null }
}

/// `HandlerOptions` of a literal: `["routing_key": "greetings", "tax_permille": 190]`.
extension HandlerOptions: ExpressibleByDictionaryLiteral {
    /// The `with:` block; of a key given twice the last counts.
    public init(dictionaryLiteral members: (String, OptionLiteral)...) {
        self.init(Dictionary(members.map { ($0, $1.value) }, uniquingKeysWith: { _, last in last }))
    }
}

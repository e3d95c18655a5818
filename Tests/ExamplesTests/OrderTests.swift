import Examples
import Testing

@Suite
struct OrderTests {
    @Test func `a good order gives its fields`() throws {
        let order = try Order.decode(Self.order(lines: Self.line(quantity: "3", price: #""12.50""#)))
        #expect(order.id == "o1")
        #expect(order.customer == "Åkerlund")
        #expect(order.currency == "EUR")
        #expect(order.lines.map(\.sku) == ["MUG"])
        #expect(order.lines.map(\.quantity) == [3])
        #expect(order.lines.map(\.unitPrice) == ["12.50"])
    }

    @Test(arguments: ["EUR", "USD", "GBP", "SEK"])
    func `four currencies are known`(currency: String) throws {
        #expect(try Order.decode(Self.order(currency: "\"\(currency)\"")).currency == currency)
    }

    @Test(arguments: [
        (#"{"customer":"c","currency":"EUR","lines":[]}"#, "the message: lacks 'id'"),
        (#"{"id":"o","currency":"EUR","lines":[]}"#, "the message: lacks 'customer'"),
        (#"{"id":"o","customer":"c","lines":[]}"#, "the message: lacks 'currency'"),
        (#"{"id":"o","customer":"c","currency":"EUR"}"#, "the message: lacks 'lines'"),
        (#"[{"id":"o"}]"#, "the message: is not an object"),
        (text(order(id: "4711")), "id: is not a text"),
        (text(order(id: #""""#)), "id: is empty"),
        (text(order(customer: "null")), "customer: is null"),
        (text(order(customer: #""""#)), "customer: is empty"),
        (text(order(currency: #""BTC""#)), "currency: 'BTC' is not EUR, USD, GBP or SEK"),
        (text(order(currency: #""eur""#)), "currency: 'eur' is not EUR, USD, GBP or SEK"),
        (#"{"id":"o","customer":"c","currency":"EUR","lines":5}"#, "lines: is not a list"),
        (text(order(lines: "")), "lines: there are none"),
        (text(order(lines: line(), #"{"sku":"A","quantity":1}"#)), "lines[1]: lacks 'unit_price'"),
        (text(order(lines: line(sku: #""""#))), "lines[0].sku: is empty"),
        (text(order(lines: line(quantity: #""3""#))), "lines[0].quantity: is not a whole number"),
        (text(order(lines: line(price: "9.5"))), "lines[0].unit_price: is not a text"),
        (text(order(lines: line(), line(quantity: "0"))), "lines[1].quantity: 0 is not 1...10000"),
        (text(order(lines: line(quantity: "-2"))), "lines[0].quantity: -2 is not 1...10000"),
        (text(order(lines: line(quantity: "10001"))), "lines[0].quantity: 10001 is not 1...10000"),
    ])
    func `a bad order says what is wrong, and where`(json: String, reason: String) {
        let error = #expect(throws: Order.Invalid.self) { try Order.decode(Array(json.utf8)) }
        #expect(error?.description == reason)
    }

    @Test(arguments: ["", "order 7: see attachment", #"{"id":"o1""#, #"<order id="o1"/>"#])
    func `what is no JSON is blamed as a whole`(text: String) {
        let error = #expect(throws: Order.Invalid.self) { try Order.decode(Array(text.utf8)) }
        #expect(error?.description.hasPrefix("the message: ") == true)
    }

    // MARK: Making orders

    static func line(sku: String = #""MUG""#, quantity: String = "1", price: String = #""1.00""#) -> String {
        #"{"sku":\#(sku),"quantity":\#(quantity),"unit_price":\#(price)}"#
    }

    static func order(
        id: String = #""o1""#,
        customer: String = #""Åkerlund""#,
        currency: String = #""EUR""#,
        lines: String...
    ) -> [UInt8] {
        let list = lines.isEmpty ? Self.line() : lines.joined(separator: ",")
        return Array(#"{"id":\#(id),"customer":\#(customer),"currency":\#(currency),"lines":[\#(list)]}"#.utf8)
    }

    private static func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }
}

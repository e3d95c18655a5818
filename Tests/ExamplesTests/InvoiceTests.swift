import Examples
import Testing

@Suite
struct InvoiceTests {
    @Test func `quantities and prices add up`() throws {
        let invoice = try Self.invoice(190, OrderTests.line(quantity: "3", price: #""12.50""#), OrderTests.line())
        #expect(invoice.netCents == 3850)
        #expect(invoice.taxCents == 732)
        #expect(invoice.totalCents == 4582)
        #expect(invoice.order == "o1")
        #expect(invoice.currency == "EUR")
    }

    @Test(arguments: [
        (0, "1.00", 0), (190, "0.02", 0), (190, "0.03", 1), (500, "0.01", 1), (499, "0.01", 0), (1000, "9.99", 999),
        (50, "0.10", 1), (49, "0.10", 0),
    ])
    func `the tax is rounded half up`(permille: Int, price: String, tax: Int) throws {
        #expect(try Self.invoice(permille, OrderTests.line(price: "\"\(price)\"")).taxCents == tax)
    }

    @Test func `the tax is rounded once, on the sum`() throws {
        let line = OrderTests.line(price: #""0.02""#)
        #expect(try Self.invoice(190, line, line, line, line).taxCents == 2, "0.38 of a cent each, 1.52 in all")
    }

    @Test(arguments: [
        ("0", 0), ("12", 1200), ("12.5", 1250), ("12.50", 1250), ("12.05", 1205), ("007", 700), ("0.99", 99),
        ("10000000", 1_000_000_000), ("10000000.99", 1_000_000_099),
    ])
    func `a price is a decimal text`(price: String, cents: Int) throws {
        #expect(try Self.invoice(0, OrderTests.line(price: "\"\(price)\"")).netCents == cents)
    }

    @Test(arguments: [
        "", ".", ".5", "5.", "1.999", "12,50", "-3.00", "+3", "1e3", " 1", "1 ", "0x10", "1.2.3", "1._0", "10000001",
        "99999999999999999999", "١٢", "1.-5",
    ])
    func `anything else is no price`(price: String) {
        let error = #expect(throws: Order.Invalid.self) {
            try Self.invoice(190, OrderTests.line(), OrderTests.line(price: "\"\(price)\""))
        }
        #expect(error?.description == "lines[1].unit_price: '\(price)' is not an amount like 12.50")
    }

    @Test func `a sum out of all reason is refused before it overflows`() {
        let line = OrderTests.line(quantity: "10000", price: #""10000000""#)
        let json = OrderTests.order(lines: Array(repeating: line, count: 101).joined(separator: ","))
        let error = #expect(throws: Order.Invalid.self) { try Invoice(try Order.decode(json), taxPermille: 1000) }
        #expect(error?.description == "lines: the sum is above 10^13")
    }

    @Test func `the invoice as JSON has sorted keys and whole cents`() throws {
        let json = String(decoding: try Self.invoice(190, OrderTests.line()).json(), as: UTF8.self)
        let expected =
            #"{"currency":"EUR","customer":"Åkerlund","net_cents":100,"order":"o1","tax_cents":19,"total_cents":119}"#
        #expect(json == expected)
    }

    private static func invoice(_ permille: Int, _ lines: String...) throws -> Invoice {
        try Invoice(try Order.decode(OrderTests.order(lines: lines.joined(separator: ","))), taxPermille: permille)
    }
}

import FoundationEssentials

/// What a customer has to pay for an order, in cents.
package struct Invoice: Codable, Equatable, Sendable {
    package let order: String
    package let customer: String
    package let currency: String
    package let netCents: Int
    package let taxCents: Int
    package let totalCents: Int

    enum CodingKeys: String, CodingKey {
        case order, customer, currency
        case netCents = "net_cents"
        case taxCents = "tax_cents"
        case totalCents = "total_cents"
    }

    private static let mostCents = 1_000_000_000_000_000

    /// Adds an order up.
    ///
    /// - Parameters:
    ///   - order: What was ordered.
    ///   - taxPermille: The tax in thousandths, 0...1000; the tax is rounded half up, once, on the sum.
    /// - Throws: The first price that is none, or a sum out of all reason.
    package init(_ order: Order, taxPermille: Int) throws(Order.Invalid) {
        var net = 0
        for (index, line) in order.lines.enumerated() {
            guard let price = Self.cents(line.unitPrice) else {
                let text = "lines[\(index)].unit_price: '\(line.unitPrice)' is not an amount like 12.50"
                throw Order.Invalid(description: text)
            }
            net += price * line.quantity
            // Far below what an Int holds, so that neither the sum nor the tax can overflow.
            guard net <= Self.mostCents else { throw Order.Invalid(description: "lines: the sum is above 10^13") }
        }
        self.order = order.id
        self.customer = order.customer
        self.currency = order.currency
        self.netCents = net
        self.taxCents = (net * taxPermille + 500) / 1000
        self.totalCents = net + self.taxCents
    }

    /// `12`, `12.5` and `12.50` as cents; nil for anything else, or more than ten million.
    static func cents(_ text: String) -> Int? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        func isDigits(_ part: Substring) -> Bool {
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        guard let first = parts.first, isDigits(first), let whole = Int(first), whole <= 10_000_000 else { return nil }
        guard parts.count == 2 else { return whole * 100 }
        guard parts[1].count <= 2, isDigits(parts[1]), let fraction = Int(parts[1]) else { return nil }
        return whole * 100 + (parts[1].count == 1 ? fraction * 10 : fraction)
    }

    /// The invoice as JSON.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(self))
    }
}

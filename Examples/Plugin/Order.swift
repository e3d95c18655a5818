import FoundationEssentials

/// An order as shops send it.
///
/// Prices are decimal texts, so that no float rounds them.
package struct Order: Codable, Equatable, Sendable {
    package struct Line: Codable, Equatable, Sendable {
        package let sku: String
        package let quantity: Int
        package let unitPrice: String

        enum CodingKeys: String, CodingKey {
            case sku, quantity
            case unitPrice = "unit_price"
        }
    }
    package let id: String
    package let customer: String
    package let currency: String
    package let lines: [Line]

    /// Why an order can not be billed.
    package struct Invalid: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Decodes and checks an order.
    package static func decode(_ json: [UInt8]) throws(Invalid) -> Order {
        let order: Order
        do {
            order = try JSONDecoder().decode(Order.self, from: Data(json))
        } catch let error as DecodingError {
            throw Invalid(description: Self.text(error))
        } catch {
            throw Invalid(description: "\(error)")
        }
        guard !order.id.isEmpty else { throw Invalid(description: "id: is empty") }
        guard !order.customer.isEmpty else { throw Invalid(description: "customer: is empty") }
        guard ["EUR", "USD", "GBP", "SEK"].contains(order.currency) else {
            throw Invalid(description: "currency: '\(order.currency)' is not EUR, USD, GBP or SEK")
        }
        guard !order.lines.isEmpty else { throw Invalid(description: "lines: there are none") }
        for (index, line) in order.lines.enumerated() where !(1...10_000).contains(line.quantity) {
            throw Invalid(description: "lines[\(index)].quantity: \(line.quantity) is not 1...10000")
        }
        return order
    }

    private static func text(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.reduce(into: "") { path, key in
                if let index = key.intValue {
                    path += "[\(index)]"
                } else {
                    path += (path.isEmpty ? "" : ".") + key.stringValue
                }
            }
            return path.isEmpty ? "the message" : path
        }
        func wanted(_ type: any Any.Type) -> String {
            if type == String.self { return "a text" }
            if type == Int.self { return "a whole number" }
            return type == [String: Any].self ? "an object" : "a list"
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context)): lacks '\(key.stringValue)'"
        case .typeMismatch(let type, let context): "\(path(context)): is not \(wanted(type))"
        case .valueNotFound(_, let context): "\(path(context)): is null"
        case .dataCorrupted(let context): "\(path(context)): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }
}

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

    /// - Parameters:
    ///   - order: Decoded, and so checked but for its prices.
    ///   - taxPermille: The tax in thousandths; the tax is rounded half up, once, on the sum.
    /// - Throws: ``Order/Invalid`` for a price that is none, or a sum out of all reason.
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

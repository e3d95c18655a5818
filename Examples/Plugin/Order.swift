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
        for (index, line) in order.lines.enumerated() {
            guard !line.sku.isEmpty else { throw Invalid(description: "lines[\(index)].sku: is empty") }
            guard (1...10_000).contains(line.quantity) else {
                throw Invalid(description: "lines[\(index)].quantity: \(line.quantity) is not 1...10000")
            }
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

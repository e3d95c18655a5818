import AMQPClient
import AMQPWire

/// Where a supervisor is connected to, as the broker says it.
package struct BrokerFacts: Sendable, Equatable {
    /// Product and version.
    package let name: String
    /// Host, port and virtual host, of one of the file's URIs.
    let place: String
    /// Host and port.
    package let address: String
    /// The cluster that it is a node of, and which one, where the broker says so.
    package let cluster: String?
    package let node: String?

    /// - Parameters:
    ///   - properties: What the broker says of itself (connection.start).
    ///   - endpoint: Where that was.
    init(_ properties: FieldTable, _ endpoint: Endpoint) {
        let product = properties["product"]?.stringValue ?? ""
        let version = properties["version"]?.stringValue ?? ""
        self.name = "\(product.isEmpty ? "a broker" : product) \(version)"
        self.place = endpoint.address
        self.address = "\(endpoint.host):\(endpoint.port)"
        self.cluster = properties["cluster_name"]?.stringValue
        self.node = properties["node"]?.stringValue
    }

    /// For people, on one line.
    var text: String {
        var text = "\(self.name) at \(self.place)"
        if let node { text += ", node \(node)" }
        if let cluster { text += ", cluster \(cluster)" }
        return text
    }

    /// For programs.
    var members: [OptionValue.Member] {
        var members: [OptionValue.Member] = [
            .init(key: "broker", value: .string("\(self.name) at \(self.place)")),
            .init(key: "address", value: .string(self.address)),
        ]
        if let node { members.append(.init(key: "node", value: .string(node))) }
        if let cluster { members.append(.init(key: "cluster", value: .string(cluster))) }
        return members
    }
}

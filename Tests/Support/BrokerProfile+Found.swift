package import AMQPClient
import AMQPWire

extension BrokerProfile {
    /// Of the broker that answers there; it says itself what it is.
    package init(of endpoint: Endpoint) throws {
        let properties = try RawClient(greetedBy: endpoint).greeting.serverProperties
        self.init(
            product: properties["product"]?.stringValue ?? "",
            version: BrokerVersion(properties["version"]?.stringValue ?? "")
        )
    }
}

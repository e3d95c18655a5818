/// From the file's names to the broker's, for what handlers publish.
///
/// A handler names queues and exchanges as the file does, in every environment; a name that the file does not know is the broker's
/// already, as a reply-to is.
struct OutputNames: Sendable {
    private let queues: [[UInt8]: [UInt8]]
    private let exchanges: [[UInt8]: [UInt8]]

    /// Nil if all names stay as they are.
    init?(_ names: NameSettings?) {
        guard let names else { return nil }
        func table(_ written: Set<String>) -> [[UInt8]: [UInt8]] {
            Dictionary(written.map { (Array($0.utf8), Array(names.onBroker($0).utf8)) }) { first, _ in first }
        }
        self.queues = table(names.queues)
        self.exchanges = table(names.exchanges)
    }

    func onBroker(_ output: Publication) -> Publication {
        let isToQueue = output.exchange.isEmpty
        let known = isToQueue ? self.queues[output.routingKey] : self.exchanges[output.exchange]
        guard let name = known else { return output }
        return Publication(
            exchange: isToQueue ? [] : name,
            routingKey: isToQueue ? name : output.routingKey,
            properties: output.properties,
            body: output.body
        )
    }
}

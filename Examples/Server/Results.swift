import Examples
import FoundationEssentials

/// What has become of the orders, by their identifiers; the newest ten thousand of them.
actor Results {
    struct State: Encodable, Sendable {
        let order: String
        var state = "waiting"
        var invoice: Invoice?
    }

    private static let most = 10_000
    private var states: [String: State] = [:]
    private var oldestFirst: [String] = []

    /// An order is on its way.
    func expect(_ id: String) { if self.states[id] == nil { self.set(State(order: id)) } }

    /// A result has come; another instance of the server may have enqueued its order.
    func note(_ body: [UInt8]) {
        guard let invoice = try? JSONDecoder().decode(Invoice.self, from: Data(body)) else { return }
        self.set(State(order: invoice.order, state: "billed", invoice: invoice))
    }

    func state(of id: String) -> State? { self.states[id] }

    private func set(_ state: State) {
        if self.states.updateValue(state, forKey: state.order) == nil { self.oldestFirst.append(state.order) }
        guard self.oldestFirst.count > 2 * Self.most else { return }
        for id in self.oldestFirst.prefix(Self.most) { self.states[id] = nil }
        self.oldestFirst.removeFirst(Self.most)
    }
}

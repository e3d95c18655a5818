/// What chaos does to the broker, the wire and the supervisor.
enum Blow: String, CaseIterable {
    case closeConnection, resetConnection, killChannels, deleteExchange, deleteQueue, shortenQueues, limitConnections
    case raiseAlarm, freezeBroker, killBroker, terminate, kill, takeCensus
    // What people do to a supervisor that works.
    case scaleJob, pauseJob, quietAll, drainJob, restartJob, reloadFile
    // Of clusters.
    case restartNode, isolateNode
    // Of a wire of its own.
    case badWire

    static func all(nodes: Int, hasWire: Bool) -> [Self] {
        Self.allCases.filter { blow in
            switch blow {
            case .restartNode, .isolateNode: nodes > 1
            case .badWire: hasWire
            case .resetConnection: !hasWire  // there it is the wire's
            default: true
            }
        }
    }

    /// What people do, and no fault of anything.
    static let deeds: [Self] = [.scaleJob, .pauseJob, .quietAll, .drainJob, .restartJob, .reloadFile]

    /// Takes long, so it comes less often after its first time.
    var isSlow: Bool { [.killBroker, .restartNode, .isolateNode, .takeCensus].contains(self) }
}

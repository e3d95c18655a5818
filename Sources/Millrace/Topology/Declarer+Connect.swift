import AMQPClient
import AMQPWire
import Logging

extension Declarer {
    /// How a broker is connected to and declared on.
    struct Way {
        /// Whether others wait for it, and what can not be had yet is tried again.
        var goesOn: Bool
        let logger: Logger
        var isAbandoned: () -> Bool = { false }
        /// Gives a new connection to the same broker each time.
        let connect: () throws(AMQPError) -> Connection
    }

    /// Connects and declares a file's exchanges and queues; what ends the connection is tried alone on another one, and left
    /// out if it is to blame.
    ///
    /// - Parameters:
    ///   - topology: What.
    ///   - way: How.
    ///   - changed: Told when jobs may start on this connection, and after each answer from then on.
    /// - Returns: The connection, and what came of it.
    /// - Throws: Why there is no connection, or why it ended.
    @discardableResult
    static func connectAndDeclare(
        _ topology: Topology,
        _ way: Way,
        _ changed: (Connection, DeclarationPlan) -> Void = { _, _ in }
    ) throws(AMQPError) -> (connection: Connection, plan: DeclarationPlan) {
        var condemned: [TopologyItem: AMQPError] = [:]
        var hasStarted = false
        while true {
            let connection = try way.connect()
            var plan = topology.plan(for: connection)
            for (item, error) in condemned { plan.condemn(item, error) }
            var declarer = Declarer(
                DeclarationRun(plan, goesOn: way.goesOn),
                on: connection,
                logger: way.logger,
                unless: way.isAbandoned
            )
            do throws(AMQPError) {
                try declarer.work { plan in
                    hasStarted = true
                    changed(connection, plan)
                }
                return (connection, declarer.plan)
            } catch {
                if hasStarted { throw error }  // its owner is told of the end
                connection.close(timeout: .seconds(1))
                let suspects = declarer.suspects(of: error)
                guard !suspects.isEmpty, !way.isAbandoned() else { throw error }
                let (item, guilt) = try Self.findGuilty(suspects, topology, way, error)
                condemned[item] = guilt
                way.logger.error(
                    "a declaration ends the connection; it is left out",
                    metadata: ["name": "\(item)", "reason": "\(error)"]
                )
            }
        }
    }

    /// Who does it alone too.
    ///
    /// - Throws: If nobody does, or there is no connection.
    private static func findGuilty(
        _ suspects: [TopologyItem],
        _ topology: Topology,
        _ way: Way,
        _ incident: AMQPError
    ) throws(AMQPError) -> (TopologyItem, AMQPError) {
        for item in suspects {
            let connection = try way.connect()
            defer { connection.close(timeout: .seconds(1)) }
            let planned = topology.plan(for: connection).planned.filter { $0.item == item }
            var limits = DeclarationRun.Limits()
            limits.answer = 5_000_000_000
            var declarer = Declarer(
                DeclarationRun(DeclarationPlan(planned), goesOn: false, limits: limits),
                on: connection,
                logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() },
                unless: way.isAbandoned
            )
            do throws(AMQPError) {
                try declarer.work()
            } catch {
                guard !declarer.suspects(of: error).isEmpty else { throw error }
                return (item, error)
            }
        }
        throw AMQPError(.connectionLost, scope: .connection, text: "\(incident)")
    }
}

import AMQPClient
import AMQPWire
import Logging

extension Topology {
    /// Connects and declares everything; what ends the connection is tried alone on another one, and left out if it is to
    /// blame.
    ///
    /// - Parameters:
    ///   - logger: Gets what is worth a line.
    ///   - connect: Gives a new connection to the same broker each time.
    /// - Returns: The connection, and what can not be had, as ``declareAll(on:logger:)`` gives it.
    /// - Throws: Why there is no connection, or why it ended.
    func connectAndDeclare(
        logger: Logger,
        _ connect: () throws(AMQPError) -> Connection
    ) throws(AMQPError) -> (connection: Connection, failures: [String: AMQPError]) {
        var plan = DeclaringPlan()
        while true {
            let connection = try connect()
            do throws(AMQPError) {
                return (connection, try self.declareAll(on: connection, logger: logger, &plan))
            } catch {
                connection.close(timeout: .seconds(1))
                guard let name = plan.underWay, Self.canBeDoing(error) else { throw error }
                plan.condemned[name] = try self.tryAlone(name, error, connect)
                plan.finished()
                logger.error(
                    "a declaration ends the connection; it is left out",
                    metadata: ["name": "\(name)", "reason": "\(error)"]
                )
            }
        }
    }

    /// What it comes to alone.
    ///
    /// - Throws: What says nothing about it: it works, or there is no connection.
    private func tryAlone(
        _ name: String,
        _ incident: AMQPError,
        _ connect: () throws(AMQPError) -> Connection
    ) throws(AMQPError) -> AMQPError {
        let connection = try connect()
        defer { connection.close(timeout: .seconds(1)) }
        var plan = DeclaringPlan(only: name)
        do throws(AMQPError) {
            _ = try self.declareAll(
                on: connection,
                logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() },
                &plan
            )
        } catch {
            guard Self.canBeDoing(error) else { throw error }
            return error
        }
        throw AMQPError(.connectionLost, scope: .connection, text: "\(incident)")
    }

    private static func canBeDoing(_ error: AMQPError) -> Bool {
        error.canBeDoing(of: .queueDeclare, orItsClass: true)
            || error.canBeDoing(of: .exchangeDeclare, orItsClass: true)
    }
}

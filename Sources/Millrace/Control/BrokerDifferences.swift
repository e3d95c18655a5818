import AMQPClient

/// What the broker has otherwise than a job file says.
package enum BrokerDifferences: Sendable, Equatable {
    /// A line each.
    case found([String])
    /// It could not be asked, for this reason.
    case unknown(String)
}

extension Supervisor {
    /// Compares a file with the broker; on a thread that may wait.
    ///
    /// Nothing is made: a queue or an exchange that is not there is named as such.
    ///
    /// - Parameters:
    ///   - file: Which.
    ///   - patience: How long the broker may answer nothing.
    /// - Returns: What is different.
    func differences(from file: JobFile, patience: Duration) -> BrokerDifferences {
        guard let connection = self.source.current else { return .unknown("there is no connection") }
        let planned = Topology(file).plan(for: connection).planned
        let answer = self.questions.ask(patience: patience) { heard in
            Self.differences(planned, on: connection, heard)
        }
        switch answer {
        case .heard(let differences): return differences
        case .silent(let time):
            return .unknown("it has answered nothing for \(StatusText.short(time)); --wait 5s gives it longer")
        }
    }

    private static func differences(
        _ planned: [PlannedDeclaration],
        on connection: Connection,
        _ heard: () -> Void
    ) -> BrokerDifferences {
        var differences: [String] = []
        for planned in planned {
            do throws(AMQPError) {
                let channel = try BrokerQuestions.channel(on: connection, heard)
                defer { channel.close() }
                switch planned.item {
                case .queue(let name): _ = try channel.declareQueue(name, passive: true)
                case .exchange(let name): try channel.declareExchange(name, passive: true)
                case .queueBinding, .exchangeBinding: continue
                }
                // There: to declare it again makes nothing, and says whether it is the same.
                try channel.declare(planned.request)
            } catch {
                if error.scope == .connection || error.code == .timeout { return .unknown("\(error)") }
                let isMissing = error.code.rawValue == 404
                differences.append(
                    "\(planned.item) \(isMissing ? "is not there; it is declared" : "can not be had so: \(error)")"
                )
            }
        }
        return .found(differences)
    }
}

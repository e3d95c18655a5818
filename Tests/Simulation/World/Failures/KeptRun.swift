package import Foundation

/// A run that is kept: one that once broke a rule, and runs for ever.
package struct KeptRun: Codable, Equatable, Sendable {
    /// What it showed.
    package var note: String
    /// The rule that it breaks, where a mistake is planted; that it once broke, where none is.
    package var breaks: Violation.Invariant
    package var simulation: Simulation

    package init(note: String, breaks: Violation.Invariant, _ simulation: Simulation) {
        self.note = note
        self.breaks = breaks
        self.simulation = simulation
    }

    package init(json: Data) throws { self = try JSONDecoder().decode(Self.self, from: json) }

    package func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// What is wrong with it now; nil if nothing is.
    package func complaint() -> String? {
        let violation = self.simulation.run().violation
        guard self.simulation.mutant != nil else {
            return violation.map { "it breaks \($0.invariant.rawValue): \($0.text)" }
        }
        if violation?.invariant == self.breaks { return nil }
        return
            "\(self.breaks.rawValue) is not broken any more, but \(violation.map { $0.invariant.rawValue } ?? "nothing")"
    }
}

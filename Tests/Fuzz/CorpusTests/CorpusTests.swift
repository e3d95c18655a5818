import Foundation
import FuzzTargets
import Testing

/// What the fuzzers start from and what they once found, run again: a finding stays mended.
///
/// A crash ends the test run; the input's name is in the output before it.
@Suite struct CorpusTests {
    private struct Input {
        let name: String
        let octets: Data
    }

    private static func inputs(_ folder: String) throws -> [Input] {
        let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Corpus/\(folder)")
        return try FileManager.default.contentsOfDirectory(at: corpus, includingPropertiesForKeys: nil)
            .sorted { $0.path() < $1.path() }
            .map { Input(name: $0.lastPathComponent, octets: try Data(contentsOf: $0)) }
    }

    @Test func `the codec reads or refuses every input of its corpus`() throws {
        var read = 0
        let inputs = try Self.inputs("decoder")
        for input in inputs {
            do {
                if try input.octets.withUnsafeBytes({ try DecoderFuzz.run($0) }) { read += 1 }
            } catch {
                Issue.record("\(input.name): \(error)")
            }
        }
        #expect(inputs.count > 20 && read > 10)
    }

    @Test
    func `the client keeps its word to the peers of the corpus, and their inputs still reach deep`()
        throws
    {
        var reached = ClientFuzz.Reached()
        for input in try Self.inputs("client") {
            do {
                reached += try input.octets.withUnsafeBytes { try ClientFuzz.run($0) }
            } catch {
                Issue.record("\(input.name): \(error)")
            }
        }
        #expect(reached.opened > 20 && reached.channels > 20 && reached.channelEnds > 20, "\(reached)")
        #expect(reached.deliveries > 20 && reached.settled > 10, "\(reached)")
        #expect(reached.published > 10 && reached.verdicts > 5 && reached.returned > 0, "\(reached)")
    }

    /// Rebuilt by make-seeds from what the probes wrote down (Transcripts).
    @Test func `what a real RabbitMQ sent to the probes is read, and the client follows it`() throws {
        let streams = try Self.inputs("decoder").filter { $0.name.hasPrefix("probe-") }
        #expect(streams.count > 100)
        for input in streams where !input.name.contains("hdr-") {  // another version's header: no frame at all
            #expect(try input.octets.withUnsafeBytes { try DecoderFuzz.run($0) }, "\(input.name)")
        }
        var reached = ClientFuzz.Reached()
        let programs = try Self.inputs("client").filter { $0.name.hasPrefix("probe-") }
        #expect(programs.count > 100)
        for input in programs { reached += try input.octets.withUnsafeBytes { try ClientFuzz.run($0) } }
        #expect(reached.opened > 90 && reached.channels > 90 && reached.channelEnds > 90, "\(reached)")
        #expect(reached.deliveries > 20 && reached.verdicts > 5, "\(reached)")
    }
}

import Millrace
import Testing

/// Every kind of diagnostic has a file that causes it, and the text that a user then sees.
///
/// `MILLRACE_RECORD=1 swift test --filter DiagnosticFixture` writes the texts anew; read the diff before you commit it.
@Suite struct DiagnosticFixtureTests {
    private static let folder = JobFileFixture.folder + "/jobs"
    /// These are about the file as a whole, or about what is outside it, so no fixture can hold them; `HostileFileTests` and
    /// `JobFileDraftTests` have them.
    private static let withoutFixture: Set<DiagnosticID> = [
        .fileUnreadable, .fileTooLarge, .badPlugin, .handlerStart, .unreadOption, .badTLSFile, .badLedger,
        .badTimezone,
    ]

    @Test(arguments: DiagnosticID.allCases.filter { !withoutFixture.contains($0) })
    func `the fixture of this id gives its text`(id: DiagnosticID) throws {
        let bytes = try #require(JobFileFixture.bytes("\(Self.folder)/\(id.rawValue).yaml"), "no fixture for \(id)")
        var diagnostics: [Diagnostic] = []
        do throws(JobFileError) {
            let environment = JobFileFixture.environment
            diagnostics = try JobFile.parse(bytes: bytes, file: "jobs.yaml", environment: environment).warnings
        } catch {
            diagnostics = error.diagnostics
            #expect(diagnostics.contains { $0.severity == .error })
        }
        #expect(diagnostics.contains { $0.id == id.rawValue })
        let text = DiagnosticRenderer.render(diagnostics)
        let path = "\(Self.folder)/\(id.rawValue).txt"
        JobFileFixture.record(text, at: path)
        #expect(text == JobFileFixture.text(path))
    }

    @Test func `no fixture is left over`() {
        let ids = Set(DiagnosticID.allCases.map(\.rawValue))
        for name in JobFileFixture.names(in: Self.folder) {
            #expect(ids.contains(name.split(separator: ".").first.map { String($0) } ?? ""), "\(name) has no id")
        }
    }
}

import Millrace
import Testing

@Suite struct DiagnosticRendererTests {
    private func diagnostic(column: Int, length: Int, line: String, help: String? = nil) -> Diagnostic {
        Diagnostic(
            severity: .error,
            id: "unknown-key",
            file: "jobs.yaml",
            line: 3,
            column: column,
            length: length,
            message: "unknown key",
            help: help,
            sourceLine: line
        )
    }

    private func caretLine(_ diagnostic: Diagnostic) -> Substring {
        DiagnosticRenderer.render([diagnostic]).split(separator: "\n")[2]
    }

    @Test func `the caret stands under the token, and the help after it`() {
        let text = DiagnosticRenderer.render([
            self.diagnostic(column: 3, length: 4, line: "  thread: 1", help: "did you")
        ])
        #expect(
            text == """
                jobs.yaml:3:3: error: unknown key [unknown-key]
                    3 |   thread: 1
                      |   ^~~~ did you
                1 error in jobs.yaml; nothing was started.

                """
        )
    }

    @Test func `a tab before the token stays a tab, wide characters take two columns, combining marks none`() {
        #expect(self.caretLine(self.diagnostic(column: 4, length: 1, line: "\ta x")) == "      | \t  ^")
        #expect(self.caretLine(self.diagnostic(column: 4, length: 2, line: "日本 xy")) == "      |      ^~")
        #expect(self.caretLine(self.diagnostic(column: 4, length: 2, line: "e\u{301} xy")) == "      |   ^~")
        #expect(self.caretLine(self.diagnostic(column: 1, length: 2, line: "日本")) == "      | ^~~~")
    }

    @Test func `a long line is cut around the token`() {
        let line = String(repeating: "a", count: 5000) + "X" + String(repeating: "b", count: 5000)
        let lines = DiagnosticRenderer.render([self.diagnostic(column: 5001, length: 1, line: line)])
            .split(separator: "\n")
        #expect(lines[1].count < 200)
        let caret = lines[2].distance(from: lines[2].startIndex, to: lines[2].firstIndex(of: "^") ?? lines[2].endIndex)
        #expect(lines[1].dropFirst(caret).first == "X")
    }

    @Test func `what is not about a line has no line, and warnings stop nothing`() {
        let warning = Diagnostic(
            severity: .warning,
            id: "x",
            file: "a.yaml",
            line: 0,
            column: 0,
            length: 0,
            message: "odd",
            help: "look"
        )
        #expect(
            DiagnosticRenderer.render([warning, warning])
                == String(repeating: "a.yaml: warning: odd [x]\n      = look\n", count: 2) + "2 warnings in a.yaml.\n"
        )
    }

    @Test func `the list is cut, the count is not`() {
        let many = Array(repeating: self.diagnostic(column: 1, length: 1, line: "x"), count: 60)
        let text = DiagnosticRenderer.render(many)
        #expect(text.hasSuffix("... and 10 more\n60 errors in jobs.yaml; nothing was started.\n"))
    }

    @Test func `a variable in braces that lacks its quotes is told so`() {
        let text = "version: 1\nconnection: { uri: ${AMQP_URL} }\njobs:\n  mail: { queue: mail, handler: p.h }\n"
        let shown = DiagnosticRenderer.render(JobFileFixture.problems(text, environment: [:]))
        #expect(shown.contains("inside braces a variable needs quotes: \"${NAME}\""), "\(shown)")
    }
}

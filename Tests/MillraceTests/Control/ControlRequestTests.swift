import Millrace
import Testing

@Suite struct ControlRequestTests {
    private func request(_ target: String) -> ControlRequest? {
        ControlRequest(method: "GET", target: target, actor: "x", wantsText: false)
    }

    @Test func `a target is a path and a query, decoded`() {
        let request = self.request("/api/v1/jobs/a%2Fb%20c/scale?threads=2..16&reason=too+much%21&empty")
        #expect(request?.path == ["api", "v1", "jobs", "a/b c", "scale"])
        #expect(request?.query == ["threads": "2..16", "reason": "too much!", "empty": ""])
        #expect(self.request("/")?.path == [])
        #expect(self.request("//a//")?.path == ["a"])
    }

    @Test(arguments: ["", "a", "*", "http://x/", "/%", "/%2", "/%zz", "/%ff", "/?a=%C3%28", "/a?%fe=1"])
    func `what is no target, or no text, is nil`(_ target: String) { #expect(self.request(target) == nil) }

    @Test(arguments: ["plain", "a/b?c=d&e#f", "blank and +", "ümlaut 🐇", "\n\u{0}%"])
    func `what is encoded is decoded as it was`(_ text: String) {
        let encoded = ControlRequest.encode(text)
        #expect(self.request("/\(encoded)?x=\(encoded)")?.path == [text])
        #expect(self.request("/\(encoded)?x=\(encoded)")?.query["x"] == text)
        #expect(encoded.allSatisfy { $0.isASCII && $0 != " " && $0 != "/" })
    }
}

import Foundation
import Testing

@testable import Millrace

/// The dashboard and the alert rules ask for what there is.
@Suite struct GrafanaTests {
    private static let folder =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path() + "ops/grafana/"

    /// The labels of each name that `/metrics` has.
    private static let given: [String: Set<String>] = {
        var given: [String: Set<String>] = [:]
        for line in MetricsText.of(SampleDocument.document()).split(separator: "\n") where !line.hasPrefix("#") {
            let name = line.prefix { $0 != "{" && $0 != " " }
            let labels = line.matches(of: /([a-z_]+)="/).map { String($0.1) }
            given[String(name), default: []].formUnion(labels)
        }
        return given
    }()

    /// Each name that an expression asks for is given, with the labels in the braces behind it.
    private func check(_ expression: String, _ place: String) {
        let asked = expression.matches(of: /(millrace_[a-z_]+)(\{[^}]*\})?/)
        #expect(!asked.isEmpty, "\(place) asks for nothing of ours")
        for match in asked {
            let name = String(match.1)
            guard let labels = Self.given[name] else {
                Issue.record("\(place): /metrics has no \(name)")
                continue
            }
            for label in (match.2 ?? "").matches(of: /([a-z_]+)[=!]/) {
                #expect(labels.contains(String(label.1)), "\(place): \(name) has no label \(label.1)")
            }
        }
        let all = Self.given.values.reduce(into: Set<String>()) { $0.formUnion($1) }
        for group in expression.matches(of: /(?:by|on) \(([a-z_, ]+)\)/) {
            for label in group.1.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                #expect(all.contains(label), "\(place): no label \(label)")
            }
        }
        let brackets = expression.reduce(into: [0, 0]) { depth, character in
            if character == "(" { depth[0] += 1 } else if character == ")" { depth[0] -= 1 }
            if character == "{" { depth[1] += 1 } else if character == "}" { depth[1] -= 1 }
        }
        #expect(brackets == [0, 0], "\(place): brackets do not match")
    }

    @Test func `the dashboard is JSON, its panels lie beside each other, and each asks for what there is`() throws {
        let data = try Data(contentsOf: URL(filePath: Self.folder + "dashboard.json"))
        let board = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(board["panels"] as? [[String: Any]])
        #expect(panels.count > 12)
        var places: Set<[Int]> = []
        for panel in panels {
            let title = try #require(panel["title"] as? String)
            let targets = try #require(panel["targets"] as? [[String: Any]])
            #expect(!targets.isEmpty && (panel["description"] as? String)?.isEmpty == false, "\(title)")
            for target in targets { self.check(try #require(target["expr"] as? String), title) }
            let grid = try #require(panel["gridPos"] as? [String: Int])
            let (x, y, width, height) = (grid["x"] ?? 0, grid["y"] ?? 0, grid["w"] ?? 0, grid["h"] ?? 0)
            #expect(x + width <= 24, "\(title)")
            for column in x..<x + width {
                for row in y..<y + height {
                    #expect(places.insert([column, row]).inserted, "\(title) lies on another")
                }
            }
        }
    }

    @Test func `the alert rules are YAML, each has what Prometheus wants, and asks for what there is`() throws {
        let bytes = try Array(Data(contentsOf: URL(filePath: Self.folder + "alerts.yaml")))
        let log = DiagnosticLog(source: SourceText(file: "alerts.yaml", bytes: bytes))
        let root = try #require(YAMLReader.read(bytes, log: log), "it is no YAML")
        let groups = try #require(root["groups"]?.items)
        let rules = groups.flatMap { $0["rules"]?.items ?? [] }
        #expect(rules.count >= 10)
        var names: Set<String> = []
        for rule in rules {
            let name = try #require(rule["alert"]?.text)
            #expect(names.insert(name).inserted && name.hasPrefix("Millrace"))
            self.check(try #require(rule["expr"]?.text), name)
            #expect(["warning", "critical"].contains(rule["labels"]?["severity"]?.text), "\(name)")
            #expect(rule["annotations"]?["summary"]?.text?.isEmpty == false, "\(name)")
            if let time = rule["for"]?.text { #expect(time.wholeMatch(of: /[0-9]+[smh]/) != nil, "\(name)") }
        }
    }

    @Test func `what there is not is found`() {
        withKnownIssue { self.check("rate(millrace_job_nonsense_total[5m])", "a test") }
        withKnownIssue { self.check("millrace_job_threads{mode=\"tx\"}", "a test") }
        withKnownIssue { self.check("sum by (nonsense) (millrace_ready)", "a test") }
        withKnownIssue { self.check("sum(millrace_ready", "a test") }
    }
}

extension YAMLNode {
    fileprivate subscript(key: String) -> YAMLNode? {
        guard case .mapping(let pairs) = self.content else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    fileprivate var items: [YAMLNode]? { if case .sequence(let items) = self.content { items } else { nil } }
    fileprivate var text: String? { if case .scalar(let scalar) = self.content { scalar.text } else { nil } }
}

import Foundation
import TestSupport

/// Certificates with something wrong, made for one run of the tests, gone with it.
final class OddCertificates: Sendable {
    private let scratch: Scratch

    init() throws {
        self.scratch = try Scratch()
        let script = """
            set -e
            cd '\(self.scratch.path)'
            key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out $1.key; }
            printf '[ca]\\ndefault_ca=d\\n[d]\\nserial=serial\\ndatabase=index\\nnew_certs_dir=.\\ndefault_md=sha256\\n' >ca.cnf
            printf 'policy=p\\nunique_subject=no\\n[p]\\ncommonName=supplied\\n' >>ca.cnf
            echo 01 >serial; : >index
            now=$(date -u -d '1 hour ago' +%Y%m%d%H%M%SZ)
            later=$(date -u -d '2 days' +%Y%m%d%H%M%SZ)
            # leaf CA NAME CN EXTENSIONS [FROM UNTIL]: one line of extensions each
            leaf() {
                key $2
                openssl req -new -key $2.key -subj "/CN=$3" -out $2.csr
                printf '%b' "$4" >$2.ext
                openssl ca -batch -config ca.cnf -cert $1.pem -keyfile $1.key -in $2.csr -extfile $2.ext \\
                    -startdate ${5:-$now} -enddate ${6:-$later} -notext -out $2.pem
            }
            root() { key $1; openssl req -x509 -key $1.key -days 2 -subj "/CN=$2" -out $1.pem; }
            san='subjectAltName=DNS:localhost,DNS:*.corp.example,IP:127.0.0.1\\n'
            authority='basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign\\n'
            root ca 'Root CA'; root other 'Other CA'; root namesake 'Root CA'
            leaf ca good localhost "$san"
            leaf ca expired localhost "$san" 20200101000000Z 20210101000000Z
            leaf ca early localhost "$san" 20400101000000Z 20410101000000Z
            leaf ca clientOnly localhost "${san}extendedKeyUsage=clientAuth\\n"
            leaf ca expiredClientOnly localhost "${san}extendedKeyUsage=clientAuth\\n" 20200101000000Z 20210101000000Z
            leaf ca both localhost "${san}extendedKeyUsage=serverAuth,clientAuth\\n"
            leaf ca signOnly localhost "${san}keyUsage=keyCertSign\\n"
            leaf ca nameless localhost 'basicConstraints=CA:FALSE\\n'
            leaf ca addressAsName 127.0.0.1 'subjectAltName=DNS:127.0.0.1\\n'
            leaf ca elsewhere localhost 'subjectAltName=DNS:a.example,IP:::2\\n'
            leaf ca hostile localhost 'subjectAltName=DNS:a\\033[2Jb\\n'
            leaf ca widest localhost 'subjectAltName=DNS:*,DNS:*.example,DNS:l*\\n'
            leaf ca middle 'Middle CA' "$authority"
            leaf middle deep localhost "$san"
            cat deep.pem middle.pem >chain.pem; cp deep.key chain.key
            leaf ca oldMiddle 'Old CA' "$authority" 20200101000000Z 20210101000000Z
            leaf oldMiddle belowOld localhost "$san"
            leaf ca noCA 'No CA' 'basicConstraints=CA:FALSE\\n'
            leaf noCA belowNoCA localhost "$san"
            key self; openssl req -x509 -key self.key -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out self.pem
            leaf ca client ann 'extendedKeyUsage=clientAuth\\n'
            leaf ca oldClient ann 'extendedKeyUsage=clientAuth\\n' 20200101000000Z 20210101000000Z
            leaf ca serverOnly ann 'extendedKeyUsage=serverAuth\\n'
            leaf other stranger ann 'extendedKeyUsage=clientAuth\\n'
            openssl pkcs8 -topk8 -in client.key -passout pass:s3cret -out locked.key
            """
        let made = try Tool.run("/bin/sh", ["-c", script])
        guard made.status == 0 else { throw PeerFailure("openssl: \(made.errors)") }
    }

    func path(_ name: String) -> String { self.scratch.path + "/" + name }
}

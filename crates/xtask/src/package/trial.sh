#!/bin/sh
# Installs, upgrades, removes and purges packages in a copy of this system that
# nobody else sees and that ends with this script. Says "ok" or "FAILED" with
# what was checked, and at the end what is not as it was.
set -eu
work=$1
shift

mount -t tmpfs none "$work"
mkdir "$work/changes" "$work/spare" "$work/root" "$work/packages"
cp "$@" "$work/packages"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/changes,workdir=$work/spare" "$work/root"
mount -t proc proc "$work/root/proc"
mount --rbind /dev "$work/root/dev"
mount -t tmpfs none "$work/root/run"
mount -t tmpfs none "$work/root/tmp"
mount --bind "$work/packages" "$work/root/mnt"

inside() {
	chroot "$work/root" "$@"
}

check() {
	what=$1
	shift
	if inside sh -c "$*" >"$work/said" 2>&1; then
		echo "ok $what"
	else
		echo "FAILED $what: $(cat "$work/said")"
	fi
}

install() {
	inside sh -c 'DEBIAN_FRONTEND=noninteractive dpkg --install /mnt/*.deb' >"$work/said" 2>&1 || {
		echo "FAILED $1: $(cat "$work/said")"
		exit 1
	}
	echo "ok $1"
}

# What holds of each service once it is installed; $1 is the package.
installed() {
	check "$1 has its user" "test \"\$(getent passwd $1 | cut -d: -f7)\" = /usr/sbin/nologin"
	check "$1 is enabled" "systemctl is-enabled $1.service"
	check "systemd takes $1" "! systemd-analyze verify --man=no $1.service 2>&1 | grep ."
	check "$1 starts" "$1 --version"
}

names=""
for package in "$@"; do
	names="$names $(dpkg-deb --field "$package" Package)"
done

install "installed"
for name in $names; do
	installed "$name"
done
case " $names " in
*" hotspan-agent "*)
	check "the configuration is right" "hotspan-agent check-config"
	check "nobody else writes where tokens are" "test \"\$(stat -c '%U %a' /run/hotspan-agent)\" = 'root 755'"
	check "nobody else writes where keys are" "test \"\$(stat -c '%U %a' /var/lib/hotspan-agent)\" = 'root 750'"
	check "its sockets are open" "systemctl is-enabled hotspan-agent.socket"
	check "the metadata door is off" "! systemctl is-enabled hotspan-agent-imds.socket"
	inside systemctl enable --quiet hotspan-agent-imds.socket
	inside sh -c 'echo key >/var/lib/hotspan-agent/imds-token.key; echo line >/var/log/hotspan-agent/audit.jsonl'
	inside sh -c 'mkdir -p /etc/systemd/system/hotspan-agent.service.d; echo >/etc/systemd/system/hotspan-agent.service.d/override.conf'
	inside sh -c 'echo "# mine" >>/etc/hotspan/agent.toml'
	;;
esac
case " $names " in
*" hotspan "*)
	inside sh -c 'install -d -o hotspan -g hotspan -m 700 /var/lib/hotspan; echo span >/var/lib/hotspan/span'
	;;
esac

install "upgraded"
case " $names " in
*" hotspan-agent "*)
	check "an upgrade keeps what was configured" "grep -q mine /etc/hotspan/agent.toml"
	check "an upgrade keeps the metadata door" "systemctl is-enabled hotspan-agent-imds.socket"
	;;
esac

inside sh -c "dpkg --remove $names" >"$work/said" 2>&1 || echo "FAILED removed: $(cat "$work/said")"
for name in $names; do
	check "a removal keeps what $name recorded" "test -n \"\$(ls /var/lib/$name)\""
	check "a removal leaves no program of $name" "! test -e /usr/bin/$name"
	check "a removal leaves $name masked" "! systemctl is-enabled $name.service"
done

install "installed again"
for name in $names; do
	installed "$name"
done
case " $names " in
*" hotspan-agent "*)
	check "the metadata door is as it was" "systemctl is-enabled hotspan-agent-imds.socket"
	;;
esac

inside sh -c "dpkg --purge $names" >"$work/said" 2>&1 || echo "FAILED purged: $(cat "$work/said")"
for name in $names; do
	check "a purge leaves no user $name" "! getent passwd $name && ! getent group $name"
done

# What differs from the system as it was: files, and folders that are new.
umount "$work/root/mnt" "$work/root/tmp"
(cd "$work/root/run" && find . -mindepth 1 | sed 's/^\./left run/')
(cd "$work/changes" && find . -mindepth 1 ! -type d | sed 's/^\./left /; s,^left /,left ,')
(cd "$work/changes" && find . -mindepth 1 -type d | while read -r folder; do
	test -d "/$folder" || echo "left ${folder#./}"
done)
# Names of ours in what a package manager writes anyway.
for file in etc/passwd etc/group etc/shadow etc/gshadow var/lib/dpkg/status; do
	! grep -q '^Package: hotspan\|^hotspan' "$work/root/$file" || echo "left a line in $file"
done
echo "done"

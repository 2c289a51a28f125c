# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Running tests and keeping count, for runtests.  A suite is a log file and a
# row of the table at the end; a test is a line, PASS, FAIL or SKIP.
# The caller sets $require (list of classes) and $run_start (now_us).
#
# shellcheck disable=SC2154 # these two

logs=build/logs
passed=0 failed=0 skipped=0
suite=
table=()

now_us()
{
	echo "${EPOCHREALTIME/[.,]/}"
}

# seconds SINCE-US: with one decimal
seconds()
{
	local tenths=$((($(now_us) - $1) / 100000))
	echo "$((tenths / 10)).$((tenths % 10))"
}

suite_begin()
{
	suite=$1
	suite_log=$logs/$suite.log
	: >"$suite_log"
	suite_start=$(now_us)
	suite_counts="$passed $failed $skipped"
	echo "== $suite${2:+: $2}"
}

suite_end()
{
	local p f s
	read -r p f s <<<"$suite_counts"
	table+=("$(printf '%-14s %7d %7d %7d %9s' "$suite" $((passed - p)) \
		$((failed - f)) $((skipped - s)) "$(seconds "$suite_start")")")
}

# result PASS|FAIL|SKIP NAME SECONDS [REASON]
result()
{
	local line="$1 $suite/$2 ($3 s)${4:+ $4}"

	echo "$line" | tee -a "$suite_log"
}

pass() { passed=$((passed + ${4:-1})); result PASS "$1" "$2" "${3:-}"; }
skip() { skipped=$((skipped + 1)); result SKIP "$1" "$2" "$3"; }
fail()
{
	failed=$((failed + ${4:-1}))
	result FAIL "$1" "$2" "$3"
	[ ! -s "$logs/.test" ] || {
		tail -n "${BFS_TAIL:-40}" "$logs/.test" | sed 's/^/    | /'
		echo "    (whole log: $suite_log)"
	}
}

# why STATUS LIMIT: the exit status of `timeout` in words
why()
{
	case $1 in
	124 | 137) echo "no end after $2 s, or killed" ;;
	*) echo "exit status $1" ;;
	esac
}

# observe LIMIT COMMAND...: run it, output to the suite's log and to .test;
# its exit status in $status, its seconds in $took
observe()
{
	local limit=$1 start
	shift
	start=$(now_us)
	status=0
	echo "\$ $*" >>"$suite_log"
	timeout -k 10 "$limit" "$@" >"$logs/.test" 2>&1 </dev/null || status=$?
	cat "$logs/.test" >>"$suite_log"
	took=$(seconds "$start")
}

# run_test NAME LIMIT COMMAND...: one test, 77 means skipped
run_test()
{
	local name=$1 limit=$2
	shift 2
	observe "$limit" "$@"
	case $status in
	0) pass "$name" "$took" ;;
	77) skip "$name" "$took" \
		"$(sed -n 's/^skipped: //p' "$logs/.test" | tail -n 1)" ;;
	*) fail "$name" "$took" "$(why "$status" "$limit")" ;;
	esac
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ]
}

# run_check PROGRAM LIMIT COMMAND...: a Check program; each case is a test
run_check()
{
	local name=${1##*/} limit=$2 checks failures errors bad
	shift 2
	observe "$limit" "$@"
	read -r checks failures errors < <(sed -n \
		's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' \
		"$logs/.test" | awk '{ c += $1; f += $2; e += $3 }
				     END { print c + 0, f + 0, e + 0 }')
	bad=$((failures + errors))
	if [ "$status" -eq 77 ]; then
		skip "$name" "$took" \
			"$(sed -n 's/^skipped: //p' "$logs/.test" | tail -n 1)"
	elif [ "$status" -eq 0 ] && [ "$checks" -eq 0 ]; then
		fail "$name" "$took" "it ran no case"
	elif [ "$status" -eq 0 ]; then
		pass "$name" "$took" "$checks cases" "$checks"
	else
		[ "$bad" -gt 0 ] || bad=1
		passed=$((passed + (checks > bad ? checks - bad : 0)))
		fail "$name" "$took" \
			"$bad of $checks cases, $(why "$status" "$limit")" "$bad"
	fi
}

# one_line LINE: count and print a result as another program printed it:
# PASS|FAIL|SKIP NAME (SECONDS s) [REASON].  What is no result goes to the log,
# and out where it is indented, as what follows a failure is.
one_line()
{
	local pattern='^(PASS|FAIL|SKIP) ([^ ]+) \(([0-9.]+) s\) ?(.*)$'

	if [[ ! $1 =~ $pattern ]]; then
		echo "$1" >>"$suite_log"
		[[ $1 != "    |"* ]] || echo "$1"
		return
	fi
	rm -f "$logs/.test"
	case ${BASH_REMATCH[1]} in
	PASS) pass "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" ;;
	SKIP) skip "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" \
		"${BASH_REMATCH[4]}" ;;
	FAIL) fail "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" \
		"${BASH_REMATCH[4]}" ;;
	esac
}

# run_lines CLASS NAME LIMIT COMMAND...: many tests by one program, which
# prints a line for each.  If it skips all of them, CLASS is missing.
run_lines()
{
	local class=$1 name=$2 limit=$3 line start skipped_why=
	local before="$passed $failed $skipped" failed_before=$failed
	shift 3
	start=$(now_us)
	status=0
	while IFS= read -r line; do
		one_line "$line"
		[[ $line != "skipped: "* ]] || skipped_why=${line#skipped: }
	done < <(timeout -k 10 "$limit" "$@" 2>&1 </dev/null ||
		 echo "$?" >"$logs/.status")
	[ ! -e "$logs/.status" ] || status=$(cat "$logs/.status")
	rm -f "$logs/.status" "$logs/.test"
	if [ "$status" -eq 77 ]; then
		missing "$class" "$name" "$skipped_why"
	elif [ "$before" = "$passed $failed $skipped" ]; then
		fail "$name" "$(seconds "$start")" \
			"it ran no test, $(why "$status" "$limit")"
	elif [ "$status" -ne 0 ] && [ "$failed" -eq "$failed_before" ]; then
		fail "$name" "$(seconds "$start")" "$(why "$status" "$limit")"
	fi
}

# missing CLASS NAME REASON: a skip, or a failure where --require names CLASS
missing()
{
	rm -f "$logs/.test"
	case ",$require," in
	*",$1,"*) fail "$2" 0.0 "required, but: $3" ;;
	*) skip "$2" 0.0 "$3" ;;
	esac
}

# The table and the last line; the exit code of runtests.
finish()
{
	local row

	rm -f "$logs/.test"
	printf '\n%-14s %7s %7s %7s %9s\n' suite passed failed skipped seconds
	for row in "${table[@]}"; do
		echo "$row"
	done
	printf '%-14s %7d %7d %7d %9s\n\n' total "$passed" "$failed" \
		"$skipped" "$(seconds "$run_start")"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}

dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl Macros of bouncefs' own configure script.

# BFS_ADD_CFLAG(VARIABLE, FLAG)
# Append FLAG to VARIABLE if the C compiler takes it without a warning.
AC_DEFUN([BFS_ADD_CFLAG], [
AS_VAR_PUSHDEF([bfs_cv], [bfs_cv_cflag_$2])dnl
AC_CACHE_CHECK([whether $CC accepts $2], [bfs_cv], [
	bfs_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			  [AS_VAR_SET([bfs_cv], [yes])],
			  [AS_VAR_SET([bfs_cv], [no])])
	CFLAGS=$bfs_save_CFLAGS
])
AS_VAR_IF([bfs_cv], [yes], [AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([bfs_cv])dnl
])

# BFS_ADD_LDFLAG(VARIABLE, FLAG)
# The same for the linker, through the compiler.
AC_DEFUN([BFS_ADD_LDFLAG], [
AS_VAR_PUSHDEF([bfs_cv], [bfs_cv_ldflag_$2])dnl
AC_CACHE_CHECK([whether the linker accepts $2], [bfs_cv], [
	bfs_save_LDFLAGS=$LDFLAGS bfs_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror"
	AS_CASE([$2], [*-pie*], [CFLAGS="$CFLAGS -fPIE"])
	LDFLAGS="$LDFLAGS $2"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		       [AS_VAR_SET([bfs_cv], [yes])],
		       [AS_VAR_SET([bfs_cv], [no])])
	LDFLAGS=$bfs_save_LDFLAGS CFLAGS=$bfs_save_CFLAGS
])
AS_VAR_IF([bfs_cv], [yes], [AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([bfs_cv])dnl
])

# BFS_REQUIRE(PREFIX, MODULE, DEBIAN-PACKAGES)
# A library that nothing works without, found by pkg-config.
AC_DEFUN([BFS_REQUIRE], [
PKG_CHECK_MODULES([$1], [$2], [], [
	AC_MSG_ERROR([$2 is needed (Debian: apt install $3): $$1_PKG_ERRORS])])
])

# BFS_OPTIONAL(PREFIX, MODULE, DEBIAN-PACKAGES)
# A library that the build can do without: sets bfs_have_PREFIX to yes, or to
# a sentence that says how to get it.
AC_DEFUN([BFS_OPTIONAL], [
PKG_CHECK_MODULES([$1], [$2], [bfs_have_$1=yes],
		  [bfs_have_$1="no (needs $2; Debian: apt install $3)"])
])

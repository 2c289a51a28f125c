// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a drive says, in our words: the one place where a status becomes an
 * errno. Pure functions; any thread.
 *
 * Source: NVM Express Base 2.0, figures 96 to 103 (status values).
 */
#include "config.h"

#include "dio/dev_nvme_internal.h"

#include <errno.h>

/* Type and code; without the delay, "more", and "do not retry". */
#define STATUS_CODE_MASK 0x7ff
#define STATUS_TYPE(sc)	 ((sc) >> 8)

static int generic_errno(int code)
{
	switch (code) {
	case NVME_SC_INVALID_OPCODE:
		return -EOPNOTSUPP;
	case NVME_SC_INVALID_FIELD:
	case NVME_SC_SGL_INVALID_LAST:
	case NVME_SC_SGL_INVALID_COUNT:
	case NVME_SC_SGL_INVALID_DATA:
	case NVME_SC_SGL_INVALID_METADATA:
	case NVME_SC_SGL_INVALID_TYPE:
	case NVME_SC_PRP_INVALID_OFFSET:
	case NVME_SC_AWU_EXCEEDED:
	case NVME_SC_SGL_INVALID_OFFSET:
		return -EINVAL;
	case NVME_SC_INVALID_NS:
		return -ENODEV;
	case NVME_SC_OP_DENIED:
		return -EACCES;
	case NVME_SC_NS_WRITE_PROTECTED:
		return -EROFS;
	case NVME_SC_CAP_EXCEEDED:
		return -ENOSPC;
	case NVME_SC_RESERVATION_CONFLICT:
		return -EBUSY;
	}
	return -EIO;
}

static int command_errno(int code)
{
	switch (code) {
	case NVME_SC_BAD_ATTRIBUTES:
	case NVME_SC_CMD_SIZE_LIMIT_EXCEEDED:
		return -EINVAL;
	/* Tags that contradict the address: nobody but us made them. */
	case NVME_SC_INVALID_PI:
		return -EILSEQ;
	case NVME_SC_READ_ONLY:
		return -EROFS;
	}
	return -EIO;
}

static int media_errno(int code)
{
	switch (code) {
	case NVME_SC_GUARD_CHECK:
	case NVME_SC_APPTAG_CHECK:
	case NVME_SC_REFTAG_CHECK:
	case NVME_SC_STORAGE_TAG_CHECK:
		return -EILSEQ;
	case NVME_SC_ACCESS_DENIED:
		return -EACCES;
	}
	/* Faults, unrecovered errors, what reads as deallocated. */
	return -EIO;
}

int dev_nvme_errno(int res)
{
	const int status = res & STATUS_CODE_MASK;

	if (res < 0) {
		switch (res) {
		case -ENXIO:
		case -ENODEV:
			return -ENODEV;
		case -ENOMEM:
		case -EFAULT:
		case -EINVAL:
		case -EACCES:
		case -EPERM:
		case -EOPNOTSUPP:
			return res;
		}
		return -EIO;
	}
	if (!status)
		return 0;
	switch (STATUS_TYPE(status)) {
	case NVME_SCT_GENERIC:
		return generic_errno(status & NVME_SC_MASK);
	case NVME_SCT_CMD_SPECIFIC:
		return command_errno(status & NVME_SC_MASK);
	case NVME_SCT_MEDIA:
		return media_errno(status & NVME_SC_MASK);
	}
	/* Paths, vendors. */
	return -EIO;
}

int dev_nvme_is_transient(int res)
{
	if (res == -EAGAIN || res == -EINTR)
		return 1;
	if (res <= 0 || res & NVME_SC_DNR)
		return 0;
	switch (res & STATUS_CODE_MASK) {
	case NVME_SC_ABORT_REQ:
	case NVME_SC_ABORT_QUEUE:
	case NVME_SC_CMD_INTERRUPTED:
	case NVME_SC_TRAN_TPORT_ERROR:
	case NVME_SC_NS_NOT_READY:
		return 1;
	}
	return STATUS_TYPE(res & STATUS_CODE_MASK) == NVME_SCT_PATH;
}

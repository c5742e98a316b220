"""How compiled code receives a State: as one pointer to a small table of addresses.

Numba passes a tuple of arrays as some hundred numbers at every call and counts references to each
array; functions that call one another thousands of times a month spend their time on that. Here
the addresses are written once, when Python calls. Inside, `state.actors` is a pointer to the
addresses of the columns of a `Table`, and `state.actors.commitment[i]` reads one value: whatever
the width of the column, integers come as 64 bits, so that no function is compiled twice. Python
keeps the arrays alive for the time of the call, so nothing is counted; addresses do not change
during a call, which LLVM is told. Rows are not checked: a negative row is an error of the caller.
"""

from __future__ import annotations

import operator
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.imputils import impl_ret_borrowed, lower_builtin, lower_getattr_generic
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.core.typing.typeof import typeof_impl
from numba.extending import NativeValue, register_model, unbox
from numba.np import arrayobj

from cosim.state import (
    ACTORS,
    ALLIANCES,
    CALENDAR,
    COMMUNES,
    JOURNAL,
    PLACES,
    PROPOSALS,
    SETTINGS,
    TERRITORY,
    TIES,
    State,
    Table,
)

_ROWS = {
    "places": PLACES, "proposals": PROPOSALS, "communes": COMMUNES, "calendar": CALENDAR,
    "journal": JOURNAL,
}  # fmt: skip
_TABLES = {"actors": ACTORS, "ties": TIES, "alliances": ALLIANCES}
_ONE = {"territory": TERRITORY, "settings": SETTINGS}
_PLAIN = {"order": types.int64[::1], "beta": types.float64[:, :, ::1]}
_BETA_SHAPE = (5, 2, 1025)
_ADDRESSES = types.int64[::1]


class ColumnType(types.Type):
    """The type of a column in compiled code: `inner` is the number of values in a row."""

    def __init__(self, dtype: Any):
        self.storage = numba.from_dtype(dtype.base)
        self.inner = int(dtype.shape[0]) if dtype.shape else 0
        self.value = types.int64 if dtype.base.kind == "i" else self.storage
        super().__init__(name=f"Column({self.storage}, {self.inner})")


class TableType(types.Type):
    """The type of a Table in compiled code."""

    def __init__(self, name: str):
        layout = _TABLES[name]
        self.columns = {column: ColumnType(layout[column]) for column in layout.names or ()}
        super().__init__(name=f"Table({name})")


_TABLE_TYPES = {name: TableType(name) for name in _TABLES}
_COLUMNS = {name: ColumnType(np.dtype(kind)) for name, kind in
            (("residents", "i8"), ("old", "f8"), ("mark", "i4"))}  # fmt: skip


@typeof_impl.register(Table)
def _typeof_table(value: Table, context: Any) -> TableType:
    return next(_TABLE_TYPES[name] for name, dtype in _TABLES.items() if dtype is value.dtype)


@register_model(TableType)
@register_model(ColumnType)
class _Address(models.OpaqueModel):
    """Of a table: pointer to its number of rows and the address of each column; of a column: its
    address."""


def _load_constant(builder: Any, pointer: Any) -> Any:
    """Load what does not change during a call, and say so: loops need to read it once only."""
    value = builder.load(pointer)
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def _word(builder: Any, table: Any, index: int) -> Any:
    words = builder.bitcast(table, ir.IntType(64).as_pointer())
    return _load_constant(builder, builder.gep(words, [ir.IntType(32)(index)]))


@infer_getattr
class _TableAttributes(AttributeTemplate):
    key = TableType

    def generic_resolve(self, typ: TableType, name: str) -> Any:  # type: ignore[override]
        return types.UniTuple(types.intp, 1) if name == "shape" else typ.columns.get(name)


@lower_getattr_generic(TableType)
def _table_getattr(context: Any, builder: Any, typ: TableType, value: Any, name: str) -> Any:
    if name == "shape":
        return context.make_tuple(
            builder, types.UniTuple(types.intp, 1), [_word(builder, value, 0)]
        )
    address = _word(builder, value, 1 + list(typ.columns).index(name))
    return builder.inttoptr(address, cgutils.voidptr_t)


def _index_type(column: ColumnType, index: Any) -> Any:
    """Return the type that the index of an element is cast to, or None."""
    if not column.inner:
        return types.intp if isinstance(index, types.Integer) else None
    if isinstance(index, types.BaseTuple) and len(index) == 2:
        return types.UniTuple(types.intp, 2)
    return None


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if not isinstance(args[0], ColumnType):
            return None
        index = _index_type(*args)
        return index and signature(args[0].value, args[0], index)


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if not isinstance(args[0], ColumnType):
            return None
        index = _index_type(*args[:2])
        return index and signature(types.none, args[0], index, args[0].value)


def _element(context: Any, builder: Any, typ: ColumnType, column: Any, index: Any) -> Any:
    """Return the pointer of an element."""
    if typ.inner:
        row, k = cgutils.unpack_tuple(builder, index)
        index = builder.add(builder.mul(row, row.type(typ.inner)), k)
    storage = context.get_data_type(typ.storage)
    return builder.gep(builder.bitcast(column, storage.as_pointer()), [index])


@lower_builtin(operator.getitem, ColumnType, types.intp)
@lower_builtin(operator.getitem, ColumnType, types.UniTuple)
def _getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    typ = sig.args[0]
    data = builder.load(_element(context, builder, typ, *args))
    value = context.data_model_manager[typ.storage].from_data(builder, data)
    return context.cast(builder, value, typ.storage, typ.value)


@lower_builtin(operator.setitem, ColumnType, types.intp, types.Any)
@lower_builtin(operator.setitem, ColumnType, types.UniTuple, types.Any)
def _setitem(context: Any, builder: Any, sig: Any, args: Any) -> None:
    typ = sig.args[0]
    value = context.cast(builder, args[2], typ.value, typ.storage)
    data = context.data_model_manager[typ.storage].as_data(builder, value)
    builder.store(data, _element(context, builder, typ, *args[:2]))


@unbox(TableType)
def _unbox_table(typ: TableType, obj: Any, c: Any) -> NativeValue:
    addresses = c.pyapi.object_getattr_string(obj, "addresses")
    failed = cgutils.is_null(c.builder, addresses)
    place = cgutils.alloca_once_value(c.builder, cgutils.get_null_value(cgutils.voidptr_t))
    with c.builder.if_then(c.builder.not_(failed), likely=True):
        native = c.unbox(_ADDRESSES, addresses)
        array = c.context.make_array(_ADDRESSES)(c.context, c.builder, native.value)
        c.builder.store(c.builder.bitcast(array.data, cgutils.voidptr_t), place)
        c.context.nrt.decref(c.builder, _ADDRESSES, native.value)
        c.pyapi.decref(addresses)  # the table keeps it
    return NativeValue(c.builder.load(place), is_error=failed)


def _type_of(name: str) -> Any:
    if name in _TABLES:
        return _TABLE_TYPES[name]
    if name in _ROWS:
        return types.Array(numba.from_dtype(_ROWS[name]), 1, "C", aligned=True)
    if name in _ONE:
        return numba.from_dtype(_ONE[name])
    return _COLUMNS.get(name) or _PLAIN[name]


#: field of State -> Numba type, in order.
FIELDS: dict[str, Any] = {name: _type_of(name) for name in State._fields}
_ORDER = list(FIELDS)


class StateType(types.Type):
    """The type of a State in compiled code."""

    def __init__(self) -> None:
        super().__init__(name="State")


STATE = StateType()


@typeof_impl.register(State)
def _typeof(value: State, context: Any) -> StateType:
    return STATE


@register_model(StateType)
class _Model(models.OpaqueModel):
    """A pointer to the table: address and length of each field."""


@infer_getattr
class _Attributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, typ: StateType, name: str) -> Any:  # type: ignore[override]
        return FIELDS.get(name)


def _table_type() -> Any:
    return ir.ArrayType(ir.IntType(64), 2 * len(FIELDS))


@lower_getattr_generic(StateType)
def _getattr(context: Any, builder: Any, typ: StateType, value: Any, name: str) -> Any:
    """Return the field: an array that counts no reference, or the pointer of a record."""
    wanted = FIELDS[name]
    place = 2 * _ORDER.index(name)
    address = _word(builder, value, place)
    if isinstance(wanted, TableType | ColumnType):
        return builder.inttoptr(address, cgutils.voidptr_t)
    if isinstance(wanted, types.Record):
        return builder.inttoptr(address, context.get_value_type(wanted))
    array = context.make_array(wanted)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(wanted.dtype))
    intp = context.get_value_type(types.intp)
    if wanted.ndim == 1:
        shape, steps = [_word(builder, value, place + 1)], [itemsize]
    else:
        shape = [intp(n) for n in _BETA_SHAPE]
        steps = [itemsize * _BETA_SHAPE[1] * _BETA_SHAPE[2], itemsize * _BETA_SHAPE[2], itemsize]
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(address, array.data.type),
        shape=shape,
        strides=[intp(step) for step in steps],
        itemsize=itemsize,
        meminfo=None,
    )
    return impl_ret_borrowed(context, builder, wanted, array._getvalue())


@unbox(StateType)
def _unbox(typ: StateType, obj: Any, c: Any) -> NativeValue:
    """Write the table on the stack of the call; let the arrays go when the call is over."""
    table = cgutils.alloca_once(c.builder, _table_type())
    failed = cgutils.alloca_once_value(c.builder, cgutils.false_bit)
    cleanups = []
    int64 = ir.IntType(64)
    # Records first: reading them is Python code, which an error already raised would upset. So is
    # reading a table, which is not done after an error.
    for name in sorted(FIELDS, key=lambda name: name not in _ONE):
        index, wanted = _ORDER.index(name), FIELDS[name]
        item = c.pyapi.object_getattr_string(obj, name)
        place = cgutils.gep_inbounds(c.builder, table, 0, 2 * index)
        if isinstance(wanted, TableType):
            with c.builder.if_then(c.builder.not_(c.builder.load(failed)), likely=True):
                native = c.unbox(wanted, item)
                c.builder.store(c.builder.ptrtoint(native.value, int64), place)
                with c.builder.if_then(native.is_error, likely=False):
                    c.builder.store(cgutils.true_bit, failed)
            cleanups.append((NativeValue(None), wanted, item))
            continue
        if isinstance(wanted, ColumnType):
            wanted = types.Array(wanted.storage, 1, "C")
        native = c.unbox(wanted, item)
        with c.builder.if_then(native.is_error, likely=False):
            c.builder.store(cgutils.true_bit, failed)
        if isinstance(wanted, types.Record):
            data, length = native.value, int64(1)
        else:
            array = c.context.make_array(wanted)(c.context, c.builder, native.value)
            data, length = array.data, array.nitems
            step = cgutils.unpack_tuple(c.builder, array.strides)[-1]
            apart = c.builder.and_(
                c.builder.icmp_unsigned("!=", step, array.itemsize),
                c.builder.icmp_signed(">", array.nitems, int64(1)),
            )
            with c.builder.if_then(apart, likely=False):
                c.pyapi.err_set_string(
                    "PyExc_TypeError", f"state.{name} is not contiguous: copy the state first"
                )
                c.builder.store(cgutils.true_bit, failed)
        c.builder.store(c.builder.ptrtoint(data, int64), place)
        c.builder.store(length, cgutils.gep_inbounds(c.builder, table, 0, 2 * index + 1))
        cleanups.append((native, wanted, item))

    def cleanup() -> None:
        for native, wanted, item in reversed(cleanups):
            if native.cleanup is not None:
                native.cleanup()
            if c.context.enable_nrt and isinstance(wanted, types.Array):
                c.context.nrt.decref(c.builder, wanted, native.value)
            c.pyapi.decref(item)

    pointer = c.builder.bitcast(table, cgutils.voidptr_t)
    return NativeValue(pointer, cleanup=cleanup, is_error=c.builder.load(failed))

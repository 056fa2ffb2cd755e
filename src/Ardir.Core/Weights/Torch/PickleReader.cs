namespace Ardir.Core;

/// <summary>
/// Reads a pickle without executing anything: it interprets only the operations that state dictionaries are made of. Names are compared
/// with a list and never looked up; objects of other classes become a <see cref="PickleOpaque"/>. There is no recursion, and everything
/// that can grow has a limit.
/// </summary>
internal sealed class PickleReader(PickleSource source, Func<object?, object?> persistent, bool strict, long fileLength)
{
    // One byte of a pickle can create an object of a hundred bytes, and a thousand bytes can deflate to one. A short file is therefore
    // allowed fewer operations, which is still far more than any state dictionary has.
    private readonly long _limit = Math.Min(10_000_000, 1_000_000 + fileLength);
    private const int MaxMemo = 1_000_000;
    private const int MaxDepth = 200;
    private const int MaxProtocol = 5;

    private readonly List<List<object?>> _below = [];   // the stacks under open marks
    private readonly Dictionary<long, object?> _memo = [];
    private List<object?> _stack = [];
    private long _operations;

    /// <summary>Reads one pickle, up to its end.</summary>
    public object? Read()
    {
        while (true)
        {
            var code = source.Byte();
            if (code == '.') return Pop();
            Charge(1);
            Execute(code);
        }
    }

    private void Execute(byte code)
    {
        if (Constant(code) || Structure(code) || Memory(code)) return;
        switch (code)
        {
            case 0x80: if (source.Byte() > MaxProtocol) throw new WeightFormatException("The pickle has an unknown protocol."); break;
            case 0x95: source.Int64(); break;                                             // FRAME
            case (byte)'c': Push(Global(source.Line(), source.Line())); break;
            case 0x93: var (name, module) = (Pop(), Pop()); Push(Global(module as string ?? "?", name as string ?? "?")); break;
            case (byte)'Q': Push(persistent(Pop())); break;
            case (byte)'R': var (arguments, function) = (Pop(), Pop()); Push(Call(function, arguments)); break;
            case 0x81: var (_, type) = (Pop(), Pop()); Push(New(type)); break;             // NEWOBJ
            case (byte)'b': Pop(); Peek(); break;                                          // BUILD: attributes carry no weights
            default:
                throw new WeightFormatException(
                    $"The pickle has an operation that state dictionaries do not need (0x{code:x2}); "
                    + "the file is damaged, or it is no state_dict.");
        }
    }

    private bool Constant(byte code)
    {
        switch (code)
        {
            case (byte)'N': Push(null); return true;
            case 0x88: Push(true); return true;
            case 0x89: Push(false); return true;
            case (byte)'J': Push((long)source.Int32()); return true;
            case (byte)'K': Push((long)source.Byte()); return true;
            case (byte)'M': Push((long)source.UInt16()); return true;
            case 0x8a: Push(source.Long(source.Byte())); return true;
            case 0x8b: Push(source.Long(source.Int32())); return true;
            case (byte)'G': Push(source.Double()); return true;
            case (byte)'X': Push(source.Utf8((uint)source.Int32())); return true;
            case 0x8c: Push(source.Utf8(source.Byte())); return true;
            case (byte)'T': Push(source.Latin1((uint)source.Int32())); return true;
            case (byte)'U': Push(source.Latin1(source.Byte())); return true;
            case 0x8d: Push(source.Utf8(source.Int64())); return true;
            case (byte)'B': Skipped((uint)source.Int32()); return true;
            case (byte)'C': Skipped(source.Byte()); return true;
            case 0x8e or 0x96: Skipped(source.Int64()); return true;                        // BINBYTES8, BYTEARRAY8
            default: return false;
        }
    }

    private bool Structure(byte code)
    {
        switch (code)
        {
            case (byte)'}': Push(new PickleDictionary()); return true;
            case (byte)']': Push(new List<object?>()); return true;
            case (byte)')': Push(new PickleTuple([])); return true;
            case 0x8f: Push(new PickleOpaque("set")); return true;
            case (byte)'t': Push(new PickleTuple(Marked())); return true;
            case 0x85: Tuple(1); return true;
            case 0x86: Tuple(2); return true;
            case 0x87: Tuple(3); return true;
            case (byte)'l': Push(Marked()); return true;
            case (byte)'d': var dictionary = new PickleDictionary(); SetAll(dictionary, Marked()); Push(dictionary); return true;
            case 0x91: Marked(); Push(new PickleOpaque("frozenset")); return true;
            case 0x90: Marked(); Expect<PickleOpaque>(); return true;                      // ADDITEMS
            case (byte)'s': var (value, key) = (Pop(), Pop()); SetAll(Peek(), [key, value]); return true;
            case (byte)'u': var pairs = Marked(); SetAll(Peek(), pairs); return true;
            case (byte)'a': var item = Pop(); AddAll(Peek(), [item]); return true;
            case (byte)'e': var items = Marked(); AddAll(Peek(), items); return true;
            default: return false;
        }
    }

    private bool Memory(byte code)
    {
        switch (code)
        {
            case (byte)'(': Mark(); return true;
            case (byte)'0': if (_stack.Count > 0) Pop(); else Marked(); return true;
            case (byte)'1': Marked(); return true;
            case (byte)'2': Push(Peek()); return true;
            case (byte)'q': Remember(source.Byte()); return true;
            case (byte)'r': Remember((uint)source.Int32()); return true;
            case 0x94: Remember(_memo.Count); return true;
            case (byte)'h': Push(Recall(source.Byte())); return true;
            case (byte)'j': Push(Recall((uint)source.Int32())); return true;
            default: return false;
        }
    }

    private object Global(string module, string name)
    {
        var full = $"{module}.{name}";
        if (TorchNames.IsKnown(full)) return new PickleGlobal(full);
        if (strict && !TorchNames.IsHarmless(full))
        {
            throw new WeightFormatException(
                $"The pickle refers to '{full}', which is no part of a state dictionary. It was not executed; "
                + "without strict reading such objects are left out.");
        }
        return new PickleOpaque(full);
    }

    private object? Call(object? function, object? arguments)
    {
        // Making a dictionary from a list copies the list, and a pickle may do this many times with one list, so every item is counted.
        if (arguments is PickleTuple { Items: [List<object?> list, ..] }) Charge(list.Count);
        return function switch
        {
            PickleGlobal known when arguments is PickleTuple { Items: var items } => TorchNames.Call(known.Name, items),
            PickleOpaque other => other.Called(),
            _ => throw new WeightFormatException("The pickle calls something that cannot be called."),
        };
    }

    private void Charge(long operations)
    {
        _operations += operations;
        if (_operations > _limit)
        {
            throw new WeightFormatException(
                $"The pickle has more than {_limit} operations, too many for a state dictionary in a file of {fileLength} bytes.");
        }
    }

    private static object New(object? type) => type is PickleGlobal { Name: TorchNames.OrderedDict }
        ? new PickleDictionary()
        : new PickleOpaque(type is PickleOpaque other ? other.Name : "object");

    private static void SetAll(object? target, List<object?> pairs)
    {
        if (target is PickleOpaque) return;
        if (target is not PickleDictionary dictionary || pairs.Count % 2 != 0)
            throw new WeightFormatException("The pickle sets an entry of something that is no dictionary.");
        for (var i = 0; i < pairs.Count; i += 2) dictionary.Set(pairs[i], pairs[i + 1]);
    }

    private static void AddAll(object? target, List<object?> items)
    {
        if (target is PickleOpaque) return;
        if (target is not List<object?> list) throw new WeightFormatException("The pickle appends to something that is no list.");
        list.AddRange(items);
    }

    private void Mark()
    {
        if (_below.Count == MaxDepth) throw new WeightFormatException($"The pickle is nested deeper than {MaxDepth}.");
        _below.Add(_stack);
        _stack = [];
    }

    private List<object?> Marked()
    {
        if (_below.Count == 0) throw Underflow();
        var items = _stack;
        _stack = _below[^1];
        _below.RemoveAt(_below.Count - 1);
        return items;
    }

    private void Tuple(int count)
    {
        var items = new object?[count];
        for (var i = count - 1; i >= 0; i--) items[i] = Pop();
        Push(new PickleTuple(items));
    }

    private void Skipped(long bytes)
    {
        source.Skip(bytes);
        Push(new PickleOpaque("bytes"));
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > 0 ? _stack[^1] : throw Underflow();

    private object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private void Expect<T>()
    {
        if (Peek() is not T) throw new WeightFormatException("The pickle adds to something of another kind.");
    }

    private void Remember(long place)
    {
        if (_memo.Count >= MaxMemo) throw new WeightFormatException($"The pickle remembers more than {MaxMemo} objects.");
        _memo[place] = Peek();
    }

    private object? Recall(long place) => _memo.TryGetValue(place, out var value)
        ? value
        : throw new WeightFormatException("The pickle recalls an object that it never kept.");

    private static WeightFormatException Underflow() => new("The pickle takes more than it put: the file is damaged.");
}

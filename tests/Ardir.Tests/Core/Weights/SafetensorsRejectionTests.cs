using System.Buffers.Binary;
using System.Text;
using Ardir.Core;
using CsCheck;

namespace Ardir.Tests;

/// <summary>Files that are not what they claim to be. Nothing but <see cref="WeightFormatException"/> may come out.</summary>
public sealed class SafetensorsRejectionTests
{
    private const string Good = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""";

    /// <summary>Header, bytes of data, a part of the message.</summary>
    public static TheoryData<string, int, string> Headers => new()
    {
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16, "damaged" },
        { """{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16, "damaged" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"sh\u0061pe":[2]}}""", 8, "damaged" },
        { """{"__metadata__":{"k":"1","k":"2"}}""", 0, "damaged" },
        { """{"__metadata__":{"k":"\ud800"}}""", 0, "damaged" },
        { """{"__metadata__":null}""", 0, "not an object" },
        { """{"a":{"dtype":"U16","shape":[4],"data_offsets":[0,8]}}""", 8, "readable are" },
        { """{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}""", 8, "readable are" },
        { """{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}""", 0, "'-0' is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[2,],"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"a":{"dtype":"F32","shape":[2],/**/"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 8, "overflow" },
        { """{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 8, "truncated" },
        { "\ufeff{}", 0, "damaged" },
        { "{}\0", 0, "damaged" },
        { """{"__metadata__":{"k":"1"},"__metadata__":{"k":"1"}}""", 0, "damaged" },
        { """{"__metadata__":{"k":1}}""", 0, "not a string" },
        { """{"__metadata__":[]}""", 0, "not an object" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1}}""", 8, "exactly dtype, shape and data_offsets" },
        { """{"a":{"dtype":"F32","shape":[2]}}""", 8, "exactly dtype, shape and data_offsets" },
        { """{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", 8, "exactly dtype, shape and data_offsets" },
        { """{"a":{"dtype":1,"shape":[2],"data_offsets":[0,8]}}""", 8, "exactly dtype, shape and data_offsets" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", 8, "exactly dtype, shape and data_offsets" },
        { """{"a":[0,8]}""", 8, "exactly dtype, shape and data_offsets" },
        { """{"a":null}""", 0, "exactly dtype, shape and data_offsets" },
        { """{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""", 8, "readable are BOOL, U8" },
        { """{"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}""", 8, "readable are" },
        { """{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", 8, "'2.0' is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}""", 8, "'2e0' is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "'-2' is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", 8, "is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", 0, "'-8' is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8e0]}}""", 8, "'8e0' is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}}""", 8, "is not a non-negative integer" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "offsets are 8 to 0" },
        { """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "takes 12 bytes but its offsets are 0 to 8" },
        { """{"a":{"dtype":"F32","shape":[],"data_offsets":[0,8]}}""", 8, "takes 4 bytes" },
        { """{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "damaged" },
        { """{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", 4, "more than 16 dimensions" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}""", 9, "begins at 1 where 0 was expected" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}""", 9, "begins at 5 where 4 was expected" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}""", 7, "begins at 3 where 4 was expected" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4, "begins at 0 where 4 was expected" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}""", 4, "where 4 was expected" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 5, "has something appended" },
        { """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 3, "truncated" },
        { "{}", 1, "has something appended" },
        { "[]", 0, "not a JSON object" },
        { " {}", 0, "not a JSON object" },
        { "{} x", 0, "damaged" },
        { "{", 0, "damaged" },
        { "", 0, "damaged" },
        { """{"a":{"dtype":"F32","shape":[[[[[[[[2]]]]]]]],"data_offsets":[0,8]}}""", 8, "damaged" },
        { """{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "damaged" },
        { """{"a":{"dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0]}}""", 0, "overflow" },
        { """{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[0,0]}}""", 0, "overflow" },
        { """{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}""", 0, "overflow" },
    };

    [Theory, MemberData(nameof(Headers))]
    public void Read_HeaderThatBreaksARule_SaysWhich(string header, int data, string message)
    {
        using var folder = new TemporaryFolder();
        var thrown = SafetensorsBytes.Try(SafetensorsBytes.Of(header, data), folder);
        thrown.Should().BeOfType<WeightFormatException>().Which.Message.Should().Contain(message).And.Contain("crafted.safetensors");
    }

    [Fact]
    public void Read_GoodHeader_IsAccepted()
    {
        using var folder = new TemporaryFolder();
        SafetensorsBytes.Try(SafetensorsBytes.Of(Good, 11), folder).Should().BeNull();
        SafetensorsBytes.Try(SafetensorsBytes.Of("""{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}""", 1), folder).Should().BeNull();
        SafetensorsBytes.Try(SafetensorsBytes.Of("{}      ", 0), folder).Should().BeNull();
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE })]
    [InlineData(new byte[] { 0xC0, 0xAF })]
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]
    public void Read_InvalidUtf8InAName_IsRefused(byte[] name)
    {
        using var folder = new TemporaryFolder();
        byte[] header = [.. "{\""u8, .. name, .. "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"u8];
        SafetensorsBytes.Try(SafetensorsBytes.Of(header, [1]), folder).Should().BeOfType<WeightFormatException>();
    }

    [Theory]
    [InlineData(100_000_001)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(ulong.MaxValue - 7)]
    [InlineData(4)]
    public void Read_HeaderLengthThatCannotBe_IsRefused(ulong length)
    {
        using var folder = new TemporaryFolder();
        var file = new byte[8 + 3];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        SafetensorsBytes.Try(file, folder).Should().BeOfType<WeightFormatException>().Which.Message.Should().Contain($"claims {length} bytes");
    }

    [Fact]
    public void Read_FileCutAnywhere_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var file = SafetensorsBytes.Of(Good, 11);
        for (var length = 0; length < file.Length; length++)
            SafetensorsBytes.Try(file[..length], folder).Should().BeOfType<WeightFormatException>($"{length} of {file.Length} bytes are left");
    }

    [Fact]
    public void Read_AnyMutation_ThrowsNothingButWeightFormatException()
    {
        using var folder = new TemporaryFolder();
        var file = SafetensorsBytes.Of("""{"__metadata__":{"k":"v"},""" + Good[1..], 11);
        var edit = Gen.Select(Gen.Int[0, file.Length - 1], Gen.Byte, Gen.Int[0, 3]);
        edit.Array[1, 4].Sample(edits =>
        {
            var bytes = file.ToList();
            foreach (var (at, value, kind) in edits)
            {
                var place = Math.Min(at, bytes.Count - 1);
                if (kind == 0) bytes[place] = value;
                else if (kind == 1) bytes[place] ^= (byte)(1 << (value % 8));
                else if (kind == 2) bytes.Insert(place, value);
                else bytes.RemoveAt(place);
            }
            (SafetensorsBytes.Try([.. bytes], folder) is null or WeightFormatException).Should().BeTrue();
        }, iter: 400, threads: 1);
    }

    [Fact]
    public void Read_MutatedHeaderOfTheRightLength_ThrowsNothingButWeightFormatException()
    {
        using var folder = new TemporaryFolder();
        string[] pieces = ["{", "}", "[", "]", ",", ":", "\"", "\\u0000", "-1", "0", "1e9", "9223372036854775807", "null", "true", "\"F64\"", "\"shape\"", "\"a\"", "\"__metadata__\"", " "];
        var edit = Gen.Select(Gen.Int[0, Good.Length], Gen.Int[0, 12], Gen.Int[0, pieces.Length - 1]);
        edit.Array[1, 3].Sample(edits =>
        {
            var text = Good;
            foreach (var (at, length, piece) in edits)
            {
                var start = Math.Min(at, text.Length);
                text = text[..start] + pieces[piece] + text[Math.Min(text.Length, start + length)..];
            }
            (SafetensorsBytes.Try(SafetensorsBytes.Of(text, 11), folder) is null or WeightFormatException).Should().BeTrue();
        }, iter: 400, threads: 1);
    }

    [Fact]
    public void Read_RefusedFile_LeavesNoTensorBehind()
    {
        using var folder = new TemporaryFolder();
        var file = SafetensorsBytes.Of(Good, 11);
        LeakAssert.None(() => SafetensorsBytes.Try(file[..^1], folder));
    }

    [Fact]
    public void Read_MissingFile_IsFileNotFound()
    {
        using var folder = new TemporaryFolder();
        FluentActions.Invoking(() => SafetensorsFile.Read(folder.File("nothing"))).Should().Throw<FileNotFoundException>();
    }

    [Fact]
    public void WeightFormatException_IsAnIOExceptionWithItsCause()
    {
        var cause = new FormatException("inner");
        var thrown = new WeightFormatException("outer", cause);
        thrown.Should().BeAssignableTo<IOException>();
        (thrown.Message, thrown.InnerException).Should().Be(("outer", cause));
        new WeightFormatException("alone").InnerException.Should().BeNull();
    }
}

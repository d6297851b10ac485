-- Links every figure and table to the record of how it was made, and lists those records in the div #provenance-records.
-- The records are read from the files: from the text "Provenance" of a PNG, from the comment before a generated table
-- (analysis/provenance/record.py writes both). Quarto runs this before it looks at figures and tables itself (pre-ast).
local typst = FORMAT:match("typst")
local digits = 12 -- of a checksum that are shown; HTML has the others in a tooltip
local entries = pandoc.List() -- {id, record, labels} by first use
local by_text = {} -- the same entries by the text of their record

local function of_picture(path)
  local file = io.open(path, "rb")
  local content = file and file:read("a") or ""
  if file then
    file:close()
  end
  local position = 9 -- after the signature: chunks of length, kind, content, check
  while content:sub(2, 4) == "PNG" and position < #content do
    local length, kind = string.unpack(">I4c4", content, position)
    local text = kind == "tEXt" and content:sub(position + 8, position + 7 + length):match("^Provenance\0(.*)$")
    if text then
      return text
    end
    position = position + 12 + length
  end
end

local function of_comment(block)
  return block and block.t == "RawBlock" and block.format == "html" and block.text:match("^<!%-%- provenance (.*) %-%->")
end

-- The entry of a record; figures of one stage share theirs.
local function entry_of(text, label)
  local entry = by_text[text]
  if not entry then
    local record = pandoc.json.decode(text, false)
    local id, again = "made-by-" .. record.stage:gsub("_", "-"), 1
    for _, other in ipairs(entries) do
      again = other.record.stage == record.stage and again + 1 or again
    end
    entry = {id = again > 1 and id .. "-" .. again or id, record = record, labels = pandoc.List()}
    by_text[text] = entry
    entries:insert(entry)
  end
  if label ~= "" then
    entry.labels:insert(label)
  end
  return entry
end

local function margin_link(entry)
  if typst then
    return pandoc.RawInline("typst", "#margin-link(<" .. entry.id .. ">)[provenance]")
  end
  local title = entry.record.stage .. " at commit " .. entry.record.commit
  return pandoc.Link("provenance", "#" .. entry.id, title, pandoc.Attr("", {"margin-link"}))
end

-- Adds to a caption as an author would: before a label in braces, where the reader has left that to a filter.
local function add_to(caption, link)
  local last = caption.long[#caption.long]
  if not last then
    return
  end
  local place = #last.content + 1
  for index, inline in ipairs(last.content) do
    if inline.t == "Str" and inline.text:match("^{#%a+%-") then
      place = index - 1
    end
  end
  last.content:insert(place, link)
  last.content:insert(place, pandoc.Space())
end

local function label_of(element)
  local label = element.identifier
  if label == "" then
    label = pandoc.utils.stringify(element.caption.long):match("{#(tbl%-[%w-]+)}$") or ""
  end
  return label
end

local function figure(element)
  local text
  element:walk({Image = function(image) text = text or of_picture(image.src) end})
  if text then
    add_to(element.caption, margin_link(entry_of(text, label_of(element))))
  end
  return element
end

-- A picture alone in a paragraph is a figure that the reader has left to Quarto.
local function paragraph(block)
  local image = #block.content == 1 and block.content[1]
  local text = image and image.t == "Image" and image.identifier:match("^fig%-") and of_picture(image.src)
  if text then
    image.caption:extend({pandoc.Space(), margin_link(entry_of(text, image.identifier))})
  end
  return block
end

local function tables(blocks)
  for index, block in ipairs(blocks) do
    local text = block.t == "Table" and of_comment(blocks[index - 1])
    if text then
      add_to(block.caption, margin_link(entry_of(text, label_of(block))))
    end
  end
  return blocks
end

local function references(labels)
  local list = pandoc.Inlines({})
  for index, label in ipairs(labels) do
    if index > 1 then
      list:extend({pandoc.Str(","), pandoc.Space()})
    end
    list:insert(pandoc.Cite({pandoc.Str("@" .. label)}, {pandoc.Citation(label, "AuthorInText")}))
  end
  return list
end

local function sorted(set)
  local keys = pandoc.List()
  for key in pairs(set) do
    keys:insert(key)
  end
  keys:sort()
  return keys
end

local function checksums(inputs)
  local list = pandoc.Inlines({pandoc.Str("Inputs:")})
  for _, path in ipairs(sorted(inputs)) do
    local sha256, shown = inputs[path], pandoc.Str("(was not there)")
    if type(sha256) == "string" then
      shown = pandoc.Span(pandoc.Str(sha256:sub(1, digits)), pandoc.Attr("", {}, {title = "sha256 " .. sha256}))
    end
    list:extend({pandoc.Space(), pandoc.Code(path), pandoc.Space(), shown, pandoc.Str(";")})
  end
  list[#list] = pandoc.Str(".")
  return list
end

local function written(entry)
  local record = entry.record
  local said = references(entry.labels)
  local function say(words, code)
    said:extend({pandoc.Str(words), pandoc.Space(), pandoc.Code(code)})
  end
  say(": stage", record.stage)
  say(",", record.command)
  say(", commit", record.commit)
  if next(record.params) then
    say(", settings", pandoc.json.encode(record.params))
  end
  said:extend({pandoc.Str("."), pandoc.Space()})
  said:extend(checksums(record.inputs))
  return pandoc.Div(pandoc.Para(said), pandoc.Attr(entry.id, {"provenance-record"}))
end

function Pandoc(document)
  local place
  document.blocks:walk({Div = function(div) place = place or div.identifier == "provenance-records" end})
  if not place then
    return nil -- a link must lead somewhere
  end
  document.blocks = document.blocks:walk({traverse = "topdown", Figure = figure, Para = paragraph, Blocks = tables})
  document.blocks = document.blocks:walk({
    Div = function(div)
      if div.identifier == "provenance-records" then
        div.content = entries:map(written)
        return div
      end
    end,
  })
  return document
end

-- Cross-references where Quarto is not there: numbers figures, tables, equations and sections, and turns @fig-x,
-- @tbl-x, @eq-x, @sec-x into links. A reference to nothing is an error. Quarto does all this itself: floor only.
local words = {fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section"}
local labels = {} -- label -> what a reference to it says
local counts = {fig = 0, tbl = 0, eq = 0}
local section = {}
local typst = FORMAT:match("typst")

local function number(kind, label)
  counts[kind] = counts[kind] + 1
  local name = words[kind] .. "\u{a0}" .. counts[kind]
  if label:match("^" .. kind .. "%-") then
    assert(not labels[label], "label " .. label .. " is given twice")
    labels[label] = name
  end
  return name
end

-- typst numbers captions itself, in the same order; HTML needs the words
local function numbered_caption(kind)
  return function(element)
    local first = element.caption.long[1]
    if not first then
      return nil
    end
    local name = number(kind, element.identifier)
    if not typst then
      first.content:insert(1, pandoc.Strong(name .. ": "))
    end
    return element
  end
end

local function numbered_header(header)
  if not header.classes:includes("unnumbered") then
    section[header.level] = (section[header.level] or 0) + 1
    for level = header.level + 1, 6 do
      section[level] = nil
    end
    labels[header.identifier] = words.sec .. "\u{a0}" .. table.concat(section, ".", 1, header.level)
  end
end

-- $$ ... $$ {#eq-x}
local function numbered_equation(paragraph)
  local maths, label = paragraph.content[1], paragraph.content[#paragraph.content]
  local id = label and label.t == "Str" and label.text:match("^{#(eq%-[%w-]+)}$")
  if not (id and maths.t == "Math" and maths.mathtype == "DisplayMath") then
    return nil
  end
  number("eq", id)
  if typst then
    local source = pandoc.write(pandoc.Pandoc(pandoc.Plain(maths)), "typst"):gsub("%s+$", "")
    return pandoc.RawBlock("typst", '#math.equation(block: true, numbering: "(1)", ' .. source .. ") <" .. id .. ">")
  end
  local mark = pandoc.Span("(" .. counts.eq .. ")", pandoc.Attr("", {"equation-number"}))
  return pandoc.Div(pandoc.Plain({maths, mark}), pandoc.Attr(id, {"equation"}))
end

local function resolved(cite)
  local links = pandoc.Inlines({})
  for index, citation in ipairs(cite.citations) do
    local kind = citation.id:match("^(%a+)%-")
    if not words[kind] then
      return nil
    end
    assert(labels[citation.id], "unresolved cross-reference @" .. citation.id)
    if index > 1 then
      links:extend({pandoc.Str(","), pandoc.Space()})
    end
    links:insert(pandoc.Link(labels[citation.id], "#" .. citation.id))
  end
  return links
end

return {
  {
    traverse = "topdown",
    Figure = numbered_caption("fig"),
    Table = numbered_caption("tbl"),
    Header = numbered_header,
    Para = numbered_equation,
  },
  {Cite = resolved},
}
